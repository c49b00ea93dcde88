// How a schema describes the members of its session type: each function makes the field for a member at `offset`.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
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

// The same field with names for some of its numbers.
constexpr Field named(Field field, std::span<const NamedNumber> names) {
  field.names = names;
  return field;
}

// ---- what functions of filters ask of a field: all(f …) and len(f) ---------------------------------------------

constexpr bool has_length(const Field& field) {
  return field.list || (field.type == FieldType::text && field.computed.symbol.empty());
}

constexpr Field part_of(Field field, Part part) {
  field.part = part;
  if (part != Part::length) return field;
  field.type = FieldType::number;
  field.width = sizeof(std::uint64_t);
  field.names = {};
  return field;
}

// `plain` and behind it the parts of its fields. `plain` has static storage.
template <const auto& plain>
consteval auto with_parts() {
  constexpr auto lists = static_cast<std::size_t>(std::ranges::count_if(plain, &Field::list));
  constexpr auto lengths = static_cast<std::size_t>(std::ranges::count_if(plain, has_length));
  std::array<Field, plain.size() + lists + lengths> all{};
  auto next = std::ranges::copy(plain, all.begin()).out;
  for (const Field& field : plain) {
    if (field.list) *next++ = part_of(field, Part::every);
    if (has_length(field)) *next++ = part_of(field, Part::length);
  }
  return all;
}

}  // namespace iris::parsers::fields
