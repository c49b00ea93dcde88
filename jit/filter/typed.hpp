// AST → typed expression: names become fields, comparisons become predicates, and what a comparison implies is
// spelled out. Negations are pushed down to the predicates on the way.
#pragma once

#include <expected>
#include <vector>

#include "jit/filter/ast.hpp"
#include "jit/filter/filter.hpp"

namespace iris::filter {

// Negation normal form. `all` and `any` never hold their own kind; `all` of nothing is true, `any` of nothing false.
struct Expression {
  enum class Kind : std::uint8_t { literal, all, any };

  Kind kind = Kind::all;
  Literal literal;  // Kind::literal
  std::vector<Expression> children;
  Span span;
  bool alternatives = false;  // `any`: the author wrote an `or`
  bool implied = false;       // a child of such an `any` that the author did not write as one
};

// Joined, as by join_literals.
[[nodiscard]] std::expected<Expression, FilterError> check_types(const Node& node, Subject subject, const Names& names);

// The protocol's presence as an expression about `subject`.
[[nodiscard]] Expression presence_expression(const parsers::Protocol& protocol, Subject subject);

// Of an `any` or `all`: children that one predicate can say together become one. `tcp.port = 80 or tcp.port = 443` is
// one predicate of two operands, and so is `not tcp.port = 80 and not tcp.port = 443`, negated.
[[nodiscard]] Expression join_literals(Expression parent, Subject subject);

}  // namespace iris::filter
