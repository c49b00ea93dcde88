// The way of a filter's text on one screen.
#include "jit/filter/filter.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>
#include <utility>

#include "jit/filter/normal.hpp"
#include "jit/filter/operands.hpp"
#include "jit/filter/parser.hpp"
#include "jit/filter/typed.hpp"

namespace iris::filter {
namespace {

// A filter of words that says nothing. A name alone says that on purpose.
std::optional<FilterWarning> tautology(const Node& node, const Filter& filter) {
  const bool always = filter.clauses.size() == 1 && filter.clauses.front().empty();
  const bool plain = node.kind == Node::Kind::test && node.test.relation == Relation::present;
  const bool empty = node.kind == Node::Kind::conjunction && node.children.empty();
  if (!always || plain || empty) return std::nullopt;
  return fail_at(node.span, "this is always true", "leave the filter empty to see everything").error();
}

}  // namespace

std::expected<Filter, FilterError> parse(std::string_view text, Subject subject, const Names& names) {
  const auto node = parse_text(text);
  if (!node) return std::unexpected(node.error());
  const auto expression = check_types(*node, subject, names);
  if (!expression) return std::unexpected(expression.error());
  Filter filter{std::string(text), {}, {}};
  auto clauses = normalise(*expression, subject, filter.warnings);
  if (!clauses) return std::unexpected(std::move(clauses.error()));
  filter.clauses = std::move(*clauses);
  if (auto warning = tautology(*node, filter)) filter.warnings.push_back(std::move(*warning));
  return filter;
}

std::optional<Filter> narrowed(const Filter& filter, std::string_view protocol) {
  const parsers::Protocol* found = parsers::find_protocol(protocol);
  Expression any{Expression::Kind::any, {}, {}, {}};
  for (const Clause& clause : filter.clauses) {
    Expression all{Expression::Kind::all, {}, {}, {}};
    for (const Literal& literal : clause) all.children.push_back({Expression::Kind::literal, literal, {}, {}});
    any.children.push_back(std::move(all));
  }
  Expression both{Expression::Kind::all, {}, {}, {}};
  both.children.push_back(std::move(any));
  if (found != nullptr) both.children.push_back(presence_expression(*found, Subject::connection));
  auto clauses = normalise(both, Subject::connection);
  if (!clauses) return std::nullopt;
  return Filter{filter.text, std::move(*clauses), {}};
}

std::optional<bool> decided(const Predicate& predicate, std::uint64_t value, bool over) {
  const auto last_of = [](const Operand& operand) {
    const auto* range = std::get_if<Range>(&operand);
    return range != nullptr ? range->last : std::get<std::uint64_t>(operand);
  };
  const auto holds = [&](const Operand& operand) {
    const auto* range = std::get_if<Range>(&operand);
    return (range != nullptr ? range->first : std::get<std::uint64_t>(operand)) <= value && value <= last_of(operand);
  };
  if (predicate.op == Operator::present) return true;
  if (over) return std::ranges::any_of(predicate.operands, holds);
  // Ranges are disjoint and in order: all that the number can come to is in the last or not at all.
  const Operand& last = *std::prev(predicate.operands.end());
  if (last_of(last) < value) return false;
  if (last_of(last) == greatest(predicate.field->width) && holds(last)) return true;
  return std::nullopt;
}

std::size_t hash(const Predicate& predicate) {
  constexpr std::size_t factor = 0x9e3779b97f4a7c15U;
  std::size_t hash = std::hash<const void*>{}(predicate.field) + static_cast<std::size_t>(predicate.op);
  const auto mix = [&hash](std::size_t part) { hash = (std::rotl(hash, 27) ^ part) * factor; };
  const auto mix_address = [&](const IpAddress& address) {
    mix(static_cast<std::size_t>(address.version));
    mix(std::hash<std::string_view>{}({reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()}));
  };
  for (const Operand& operand : predicate.operands) {
    if (const auto* number = std::get_if<std::uint64_t>(&operand)) mix(*number);
    if (const auto* text = std::get_if<std::string>(&operand)) mix(std::hash<std::string>{}(*text));
    if (const auto* address = std::get_if<IpAddress>(&operand)) mix_address(*address);
    if (const auto* subnet = std::get_if<Subnet>(&operand)) {
      mix_address(subnet->address);
      mix(subnet->length);
    }
    if (const auto* range = std::get_if<Range>(&operand)) {
      mix(range->first);
      mix(range->last);
    }
  }
  return hash;
}

parsers::Level level(const Filter& filter) {
  auto last = parsers::Level::tuple;
  for (const Clause& clause : filter.clauses)
    for (const Literal& literal : clause) {
      const parsers::Field& field = *literal.predicate.field;
      const bool own = field.unindexed && !field.of_some_session;
      if (!own || field.level == parsers::Level::session) last = std::max(last, field.level);
    }
  return last;
}

}  // namespace iris::filter
