// Sets of operands in one canonical form, so that equal meaning is, as far as possible, an equal predicate.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "jit/filter/filter.hpp"

namespace iris::filter {

// The predicate "field is one of these" of operands of any types that the field takes: sorted, distinct, what others
// cover left out. A set that holds a range (or block) is all ranges (or blocks); what covers every number of the
// field's width becomes `present`. `operands` is not empty.
[[nodiscard]] Predicate membership(const parsers::Field& field, std::vector<Operand> operands);

// The predicate that `op`, which looks for texts, holds for one of these: sorted, distinct, without affixes that others
// cover. `operands` is not empty.
[[nodiscard]] Predicate search(const parsers::Field& field, Operator op, std::vector<Operand> operands);

// The greatest number that fits a field of `width` bytes.
[[nodiscard]] constexpr std::uint64_t greatest(std::uint8_t width) {
  return width >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8U * width)) - 1;
}

// Operands of `one_of`, `in_range` and `in_subnet` as closed intervals of byte strings, which order as the values do.
// Sorted and disjoint.
using Interval = std::pair<std::string, std::string>;
[[nodiscard]] std::vector<Interval> intervals(const Predicate& predicate);
[[nodiscard]] bool overlap(const std::vector<Interval>& a, const std::vector<Interval>& b);
// Every value of `inner` is one of `outer`. (May be false where only several intervals of `outer` together cover one.)
[[nodiscard]] bool covers(const std::vector<Interval>& outer, const std::vector<Interval>& inner);

}  // namespace iris::filter
