// What probes ask of a connection's beginning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "parsers/api.hpp"

namespace iris::parsers::identified {

using Bytes = std::span<const std::uint8_t>;

// Either end's.
[[nodiscard]] bool port_is_one_of(const FiveTuple& tuple, std::initializer_list<std::uint16_t> ports) noexcept;

// The datagram that came last, as much as there is of it.
[[nodiscard]] Bytes latest_datagram(const Beginning& beginning) noexcept;
// The `index`th that `direction` sent; empty when there is none.
[[nodiscard]] Bytes datagram(const Beginning& beginning, Direction direction, std::size_t index) noexcept;

// A line without its end: complete once its end was sent.
struct Line {
  std::string_view text;
  bool complete = false;
};
[[nodiscard]] Line first_line(Bytes sent) noexcept;

// Whether `text` is `prefix` as far as both go. Once `text` is at least as long, it begins with it.
[[nodiscard]] bool may_start_with(std::string_view text, std::string_view prefix) noexcept;

// The same for ASCII letters of either case.
[[nodiscard]] bool equal_ignoring_case(std::string_view text, std::string_view other) noexcept;
[[nodiscard]] bool contains_ignoring_case(std::string_view text, std::string_view part) noexcept;
// `text` up to its first space.
[[nodiscard]] std::string_view first_word(std::string_view text) noexcept;
[[nodiscard]] bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) noexcept;

[[nodiscard]] constexpr Probe decided(bool holds) noexcept { return holds ? Probe::match : Probe::no_match; }

}  // namespace iris::parsers::identified
