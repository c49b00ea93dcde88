// The way of a filter's text on one screen.
#include "jit/filter/filter.hpp"

#include <algorithm>
#include <bit>
#include <functional>
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
    for (const Literal& literal : clause) last = std::max(last, literal.predicate.field->level);
  return last;
}

}  // namespace iris::filter
