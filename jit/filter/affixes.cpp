#include "jit/filter/affixes.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace iris::filter {
namespace {

// Pairs of operands that are worth a look.
constexpr std::size_t most_pairs = 4096;

bool comparable(const Predicate& a, const Predicate& b) {
  const auto of_texts = [](const Predicate& p) {
    return p.op != Operator::matches && p.op != Operator::present && p.field->type == parsers::FieldType::text;
  };
  return of_texts(a) && of_texts(b) && a.operands.size() * b.operands.size() <= most_pairs;
}

const std::string& text(const Operand& operand) { return std::get<std::string>(operand); }

// Every text that `op` holds for with `known` satisfies `wanted` with `operand`.
bool implies(Operator op, std::string_view known, Operator wanted, std::string_view operand) {
  switch (wanted) {
    case Operator::one_of:
      return op == Operator::one_of && known == operand;
    case Operator::contains:
      return known.contains(operand);
    case Operator::starts_with:
      return (op == Operator::one_of || op == Operator::starts_with) && known.starts_with(operand);
    case Operator::ends_with:
      return op != Operator::contains && op != Operator::starts_with && known.ends_with(operand);
    case Operator::under:
      if (op == Operator::one_of || op == Operator::under) return is_under(known, operand);
      // What ends with '.a.b' is under 'a.b'; what ends with 'a.b' may be 'xa.b'.
      return op == Operator::ends_with && known.size() > operand.size() && is_under(known, operand);
    default:
      return false;
  }
}

// What a text that the operator holds for ends with.
std::optional<std::string_view> ending(Operator op, std::string_view operand) {
  const bool known = op == Operator::one_of || op == Operator::ends_with || op == Operator::under;
  return known ? std::optional(operand) : std::nullopt;
}
std::optional<std::string_view> beginning(Operator op, std::string_view operand) {
  const bool known = op == Operator::one_of || op == Operator::starts_with;
  return known ? std::optional(operand) : std::nullopt;
}

bool excludes(Operator a, std::string_view left, Operator b, std::string_view right) {
  if (a == Operator::one_of) return !implies(a, left, b, right);
  if (b == Operator::one_of) return !implies(b, right, a, left);
  const auto begin_a = beginning(a, left);
  const auto begin_b = beginning(b, right);
  if (begin_a && begin_b) return !begin_a->starts_with(*begin_b) && !begin_b->starts_with(*begin_a);
  const auto end_a = ending(a, left);
  const auto end_b = ending(b, right);
  return end_a && end_b && !end_a->ends_with(*end_b) && !end_b->ends_with(*end_a);
}

}  // namespace

bool text_implies(const Predicate& special, const Predicate& general) {
  if (!comparable(special, general)) return false;
  return std::ranges::all_of(special.operands, [&](const Operand& known) {
    return std::ranges::any_of(general.operands, [&](const Operand& operand) {
      return implies(special.op, text(known), general.op, text(operand));
    });
  });
}

bool texts_exclude(const Predicate& a, const Predicate& b) {
  if (!comparable(a, b)) return false;
  return std::ranges::all_of(a.operands, [&](const Operand& left) {
    return std::ranges::all_of(b.operands,
                               [&](const Operand& right) { return excludes(a.op, text(left), b.op, text(right)); });
  });
}

}  // namespace iris::filter
