// Predicates, literals and clauses as text that parses back to the same.
#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "jit/filter/filter.hpp"
#include "jit/filter/names.hpp"
#include "jit/filter/operands.hpp"
#include "jit/filter/value.hpp"

namespace iris::filter {
namespace {

std::string field_name(const parsers::Field& field) {
  const std::string_view protocol = protocol_of(field);
  return protocol.empty() ? std::string(field.name) : fmt::format("{}.{}", protocol, field.name);
}

struct OperandText {
  std::string operator()(std::uint64_t number) const { return std::to_string(number); }
  std::string operator()(const Range& range) const {
    return range.first == range.last ? std::to_string(range.first) : fmt::format("{}..{}", range.first, range.last);
  }
  std::string operator()(const IpAddress& address) const { return filter::to_text(address); }
  std::string operator()(const Subnet& subnet) const { return filter::to_text(subnet); }
  std::string operator()(const std::string& text) const { return quote_string(text); }
};

// The one, or all in braces.
std::string operand_list(const std::vector<Operand>& operands) {
  if (operands.size() == 1) return std::visit(OperandText{}, operands.front());
  std::string result = "{";
  for (const Operand& operand : operands) {
    if (result.size() > 1) result += ", ";
    result += std::visit(OperandText{}, operand);
  }
  return result + "}";
}

std::string comparison(const Predicate& predicate) {
  const std::string operands = operand_list(predicate.operands);
  switch (predicate.op) {
    case Operator::present:
      return "";
    case Operator::one_of:
      return (predicate.operands.size() == 1 ? " = " : " in ") + operands;
    case Operator::in_range:
      if (predicate.operands.size() == 1) {
        const Range& range = std::get<Range>(predicate.operands.front());
        if (range.first == 0) return fmt::format(" <= {}", range.last);
        if (range.last == greatest(predicate.field->width)) return fmt::format(" >= {}", range.first);
      }
      return " in " + operands;
    case Operator::in_subnet:
      return " in " + operands;
    case Operator::contains:
      return " contains " + operands;
    case Operator::starts_with:
      return " starts_with " + operands;
    case Operator::ends_with:
      return " ends_with " + operands;
    case Operator::under:
      return " under " + operands;
    case Operator::matches:
      return " matches " + operands;
  }
  return "";
}

}  // namespace

std::string to_text(const Predicate& predicate) {
  if (const parsers::Protocol* protocol = presence_of(predicate)) return std::string(protocol->name);
  return field_name(*predicate.field) + comparison(predicate);
}

std::string to_text(const Literal& literal) { return (literal.negated ? "not " : "") + to_text(literal.predicate); }

std::string to_text(const Clause& clause) {
  std::string result;
  for (const Literal& literal : clause) {
    if (!result.empty()) result += " and ";
    result += to_text(literal);
  }
  return result;
}

}  // namespace iris::filter
