// Predicates, literals and clauses as text that parses back to the same.
#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "jit/filter/filter.hpp"
#include "jit/filter/names.hpp"
#include "jit/filter/operands.hpp"
#include "jit/filter/quantity.hpp"
#include "jit/filter/some_session.hpp"
#include "jit/filter/value.hpp"

namespace iris::filter {
namespace {

std::string field_name(const parsers::Field& field) {
  const std::string_view protocol = protocol_of(field);
  return protocol.empty() || field.unindexed ? std::string(field.name) : fmt::format("{}.{}", protocol, field.name);
}

std::string number_text(std::uint64_t number, parsers::Notation notation) {
  switch (notation) {
    case parsers::Notation::duration:
      return duration_text(number);
    case parsers::Notation::mac:
      return mac_text(number);
    case parsers::Notation::plain:
      break;
  }
  return std::to_string(number);
}

struct OperandText {
  parsers::Notation notation;

  std::string operator()(std::uint64_t number) const { return number_text(number, notation); }
  std::string operator()(const Range& range) const {
    const std::string first = (*this)(range.first);
    return range.first == range.last ? first : fmt::format("{}..{}", first, (*this)(range.last));
  }
  std::string operator()(const IpAddress& address) const { return filter::to_text(address); }
  std::string operator()(const Subnet& subnet) const { return filter::to_text(subnet); }
  std::string operator()(const std::string& text) const { return quote_string(text); }
};

// The one, or all in braces.
std::string operand_list(const Operands& operands, parsers::Notation notation) {
  const OperandText text{notation};
  if (operands.size() == 1) return std::visit(text, operands.front());
  std::string result = "{";
  for (const Operand& operand : operands) {
    if (result.size() > 1) result += ", ";
    result += std::visit(text, operand);
  }
  return result + "}";
}

std::string comparison(const Predicate& predicate) {
  const parsers::Notation notation = predicate.field->notation;
  const std::string operands = operand_list(predicate.operands, notation);
  switch (predicate.op) {
    case Operator::present:
      return "";
    case Operator::one_of:
      return (predicate.operands.size() == 1 ? " = " : " in ") + operands;
    case Operator::in_range:
      if (predicate.operands.size() == 1) {
        const Range& range = std::get<Range>(predicate.operands.front());
        if (range.first == 0) return " <= " + number_text(range.last, notation);
        if (range.last == greatest(predicate.field->width)) return " >= " + number_text(range.first, notation);
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

// sample(…): everything below a share.
std::string sample_text(const Predicate& predicate) {
  if (predicate.op == Operator::present) return "sample(100%)";
  const auto* range = std::get_if<Range>(&predicate.operands.front());
  const std::uint64_t last = range != nullptr ? range->last : std::get<std::uint64_t>(predicate.operands.front());
  return fmt::format("sample({})", percent_text(last + 1));
}

}  // namespace

std::string_view spelling(Operator op) {
  switch (op) {
    case Operator::present:
      return "present";
    case Operator::one_of:
      return "=";
    case Operator::in_range:
    case Operator::in_subnet:
      return "in";
    case Operator::contains:
      return "contains";
    case Operator::starts_with:
      return "starts_with";
    case Operator::ends_with:
      return "ends_with";
    case Operator::under:
      return "under";
    case Operator::matches:
      return "matches";
  }
  return {};
}

std::string to_text(const Predicate& predicate) {
  if (predicate.some_session != nullptr) return fmt::format("not none({})", predicate.some_session->text());
  if (const parsers::Protocol* protocol = presence_of(predicate)) return std::string(protocol->name);
  if (predicate == some_service()) return "conn.service";
  const std::string name = field_name(*predicate.field);
  switch (predicate.field->part) {
    case parsers::Part::value:
      break;
    case parsers::Part::every:
      return fmt::format("all({}{})", name, comparison(predicate));
    case parsers::Part::length:
      return fmt::format("len({}){}", name, comparison(predicate));
    case parsers::Part::sample:
      return sample_text(predicate);
  }
  return name + comparison(predicate);
}

std::string to_text(const Literal& literal) {
  const auto& some = literal.predicate.some_session;
  if (literal.negated && some != nullptr) return fmt::format("none({})", some->text());
  return (literal.negated ? "not " : "") + to_text(literal.predicate);
}

std::string to_text(const Clause& clause) {
  std::string result;
  for (const Literal& literal : clause) {
    if (!result.empty()) result += " and ";
    result += to_text(literal);
  }
  return result;
}

}  // namespace iris::filter
