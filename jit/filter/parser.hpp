// Tokens → AST, by recursive descent:
//
//   filter      = [ disjunction ]
//   disjunction = conjunction { ("or" | "||") conjunction }
//   conjunction = negation { ("and" | "&&") negation }
//   negation    = ("not" | "!") negation | "(" disjunction ")" | test
//   test        = name [ comparison ] | ("any" | "all") "(" name comparison ")" | "len" "(" name ")" [ comparison ]
//               | "none" "(" disjunction ")" | "sample" "(" value ")" | file
//   comparison  = relation operand
//   relation    = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~" | "~b" | "!~b"
//               | [ "not" | "!" ] ("in" | "contains" | "starts_with" | "ends_with" | "under" | "matches")
//   operand     = item | "{" item { "," item } "}"
//   item        = value | name | file
//   file        = "file" "=" string
#pragma once

#include <cstddef>
#include <expected>
#include <string_view>

#include "jit/filter/ast.hpp"

namespace iris::filter {

inline constexpr std::size_t max_text = std::size_t{64} * 1024;  // bytes
inline constexpr unsigned max_nesting = 200;                     // parentheses and negations

// Chains of `and`, and of `or`, are one node, so the tree is at most 3 * max_nesting deep. It points into `text`.
[[nodiscard]] std::expected<Node, FilterError> parse_text(std::string_view text);

}  // namespace iris::filter
