// Numbers with units → plain numbers of a field.
#pragma once

#include <cstdint>
#include <expected>

#include "jit/filter/ast.hpp"

namespace iris::filter {

// Durations need a unit, ns to d, and become nanoseconds; other numbers may have k, M, G, T (1000 each) or Ki, Mi, Gi,
// Ti (1024 each). What is no whole number is an error.
[[nodiscard]] std::expected<std::uint64_t, FilterError> number_of(const Quantity& quantity, parsers::Notation notation,
                                                                  const Span& span);

// Nanoseconds as the largest unit that they are a whole number of: "1500ms".
[[nodiscard]] std::string duration_text(std::uint64_t nanoseconds);

// A percentage of 2^32, rounded, and the shortest percentage that gives it: "1%" is 42949673.
[[nodiscard]] std::expected<std::uint64_t, FilterError> share_of_percent(const Quantity& quantity, const Span& span);
[[nodiscard]] std::string percent_text(std::uint64_t share);

}  // namespace iris::filter
