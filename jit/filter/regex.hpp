// Regular expressions as filters write them → as Hyperscan takes them.
#pragma once

#include <expected>
#include <string>

#include "jit/filter/ast.hpp"

namespace iris::filter {

// The expression with its flags inside: 'abc'i is "(?i)abc". Bytes stand for themselves: |2e| is "\x2e".
[[nodiscard]] std::expected<std::string, FilterError> expression_of(const Text& text, const Span& span);

}  // namespace iris::filter
