// What follows between texts' operators, whatever the text is.
#pragma once

#include <string_view>

#include "jit/filter/filter.hpp"

namespace iris::filter {

// Equal, or `name` ends with '.' and `domain`.
[[nodiscard]] constexpr bool is_under(std::string_view name, std::string_view domain) {
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

// Of two predicates on one field of text: whenever `special` is true of a value, so is `general`; never are both. False
// means "not known", which it also does where there are very many operands.
[[nodiscard]] bool text_implies(const Predicate& special, const Predicate& general);
[[nodiscard]] bool texts_exclude(const Predicate& a, const Predicate& b);

}  // namespace iris::filter
