// Typed expression → disjunctive normal form: implied literals are added, clauses that contradict themselves or that
// another covers are dropped.
#pragma once

#include <expected>
#include <vector>

#include "jit/filter/typed.hpp"

namespace iris::filter {

[[nodiscard]] std::expected<std::vector<Clause>, FilterError> normalise(const Expression& expression, Subject subject);
// Also what the author wrote and has no effect.
[[nodiscard]] std::expected<std::vector<Clause>, FilterError> normalise(const Expression& expression, Subject subject,
                                                                        std::vector<FilterWarning>& warnings);

}  // namespace iris::filter
