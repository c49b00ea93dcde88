// How a schema describes the members of its session type: each function makes the field for a member at `offset`.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "parsers/api.hpp"

namespace iris::parsers::fields {

// What Field::flag_offset assumes of std::optional: the value first, its flag right behind.
template <std::unsigned_integral Number>
inline constexpr bool flag_follows = sizeof(std::optional<Number>) == 2 * sizeof(Number);
static_assert(flag_follows<std::uint8_t> && flag_follows<std::uint16_t> && flag_follows<std::uint32_t> &&
              flag_follows<std::uint64_t>);

// std::string_view; absent when data() is nullptr.
constexpr Field text(std::string_view name, std::size_t offset, std::string_view doc) {
  return {.name = name,
          .type = FieldType::text,
          .level = Level::session,
          .offsets = {static_cast<std::uint16_t>(offset), 0},
          .doc = doc};
}

// Computed when asked for, by the function of that name.
constexpr Field text(std::string_view name, Field::Computed computed, std::string_view doc) {
  return {.name = name, .type = FieldType::text, .level = Level::session, .computed = computed, .doc = doc};
}

// Number: always present.
template <std::unsigned_integral Number>
constexpr Field number(std::string_view name, std::size_t offset, std::string_view doc) {
  return {.name = name,
          .type = FieldType::number,
          .level = Level::session,
          .width = sizeof(Number),
          .offsets = {static_cast<std::uint16_t>(offset), 0},
          .doc = doc};
}

// std::optional<Number>.
template <std::unsigned_integral Number>
constexpr Field optional_number(std::string_view name, std::size_t offset, std::string_view doc) {
  Field field = number<Number>(name, offset, doc);
  field.flag_offset = static_cast<std::uint16_t>(offset + sizeof(Number));
  return field;
}

// bool: always present; the bare name asks whether it is true.
constexpr Field truth(std::string_view name, std::size_t offset, std::string_view doc) {
  Field field = number<std::uint8_t>(name, offset, doc);
  field.truth = true;
  return field;
}

// std::span<const std::string_view>.
constexpr Field texts(std::string_view name, std::size_t offset, std::string_view doc) {
  Field field = text(name, offset, doc);
  field.list = true;
  return field;
}

// std::span<const Number>.
template <std::unsigned_integral Number>
constexpr Field numbers(std::string_view name, std::size_t offset, std::string_view doc) {
  Field field = number<Number>(name, offset, doc);
  field.list = true;
  return field;
}

}  // namespace iris::parsers::fields
