// The way of a filter's text on one screen.
#include "jit/filter/filter.hpp"

#include <algorithm>
#include <utility>

#include "jit/filter/normal.hpp"
#include "jit/filter/parser.hpp"
#include "jit/filter/typed.hpp"

namespace iris::filter {

std::expected<Filter, FilterError> parse(std::string_view text, Subject subject) {
  const auto node = parse_text(text);
  if (!node) return std::unexpected(node.error());
  const auto expression = check_types(*node, subject);
  if (!expression) return std::unexpected(expression.error());
  auto clauses = normalise(*expression, subject);
  if (!clauses) return std::unexpected(std::move(clauses.error()));
  return Filter{std::string(text), std::move(*clauses)};
}

parsers::Level level(const Filter& filter) {
  auto last = parsers::Level::tuple;
  for (const Clause& clause : filter.clauses)
    for (const Literal& literal : clause) last = std::max(last, literal.predicate.field->level);
  return last;
}

}  // namespace iris::filter
