// Domain names: out of a message into text (RFC 1035, 3.1 and 4.1.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace iris::parsers::dns {

// A message's bytes, from its header on: what compression points into.
using Message = std::span<const std::uint8_t>;

// A name's text: lower case (ASCII), without trailing dot; the root is ".". Labels that are UTF-8, as mDNS and LLMNR
// have them, stay so; other bytes that are not printable are escaped.
class NameText {
 public:
  [[nodiscard]] std::string_view text() const noexcept { return {characters_.data(), size_}; }

 private:
  friend bool read_name(Message message, std::size_t& at, NameText& name) noexcept;
  void append(std::uint8_t byte, bool utf8) noexcept;
  void separate() noexcept { characters_[size_++] = '.'; }

  static constexpr std::size_t max_octets = 255;
  std::array<char, 4 * max_octets + 1> characters_;  // each octet may take four characters
  std::size_t size_ = 0;
};

// Reads the name at `at` and moves `at` behind it. False when it is malformed: longer than 255 octets, beyond the
// message, or with a pointer that does not point further back.
[[nodiscard]] bool read_name(Message message, std::size_t& at, NameText& name) noexcept;

// The same without the text.
[[nodiscard]] bool skip_name(Message message, std::size_t& at) noexcept;

}  // namespace iris::parsers::dns
