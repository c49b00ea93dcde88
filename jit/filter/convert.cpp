#include "jit/filter/convert.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "jit/abi/nearest.hpp"
#include "jit/filter/lexer.hpp"
#include "jit/filter/operands.hpp"
#include "jit/filter/quantity.hpp"
#include "jit/filter/regex.hpp"
#include "jit/filter/value.hpp"

namespace iris::filter {
namespace {

using parsers::FieldType;
using parsers::Notation;
using Converted = std::expected<Operand, FilterError>;

// ---- what the field takes ---------------------------------------------------------------------------------------

// 4 or 6 where the field holds addresses of one version only; else 0.
int version_of(const Asked& asked) {
  if (asked.protocol->name == "ipv4") return 4;
  return asked.protocol->name == "ipv6" ? 6 : 0;
}

// In the plural.
std::string_view type_name(const Asked& asked) {
  switch (asked.field->type) {
    case FieldType::number:
      if (asked.field->notation == Notation::duration) return "durations";
      return asked.field->notation == Notation::mac ? "MAC addresses" : "numbers";
    case FieldType::text:
      return "text in quotes";
    case FieldType::address:
      break;
  }
  return version_of(asked) == 4   ? "IPv4 addresses and blocks"
         : version_of(asked) == 6 ? "IPv6 addresses and blocks"
                                  : "IP addresses and blocks";
}

std::string example(const Asked& asked) {
  switch (asked.field->type) {
    case FieldType::number:
      if (asked.field->notation == Notation::duration) return fmt::format("for example: {} > 1.5s", asked.name);
      if (asked.field->notation == Notation::mac) return fmt::format("for example: {} = 00:1b:21:3c:4d:5e", asked.name);
      if (!asked.field->names.empty())
        return fmt::format("for example: {} = {}", asked.name, asked.field->names.front().name);
      return fmt::format("for example: {} = {}", asked.name, asked.field->width > 1 ? 443 : 6);
    case FieldType::text:
      return fmt::format("for example: {} contains 'example'", asked.name);
    case FieldType::address:
      break;
  }
  return fmt::format("for example: {} in {}", asked.name, version_of(asked) == 6 ? "2001:db8::/32" : "192.0.2.0/24");
}

FilterError wrong_type(const Asked& asked, const Value& value) {
  if (const auto* word = std::get_if<Word>(&value.written); word != nullptr && asked.field->type == FieldType::text)
    return fail_at(
               value.span,
               fmt::format("expected a value after '{}', found {}", spelling(asked.test->relation), quoted(word->text)),
               fmt::format("write text in quotes: {}", quoted(word->text)))
        .error();
  return fail_at(value.span, fmt::format("{} takes {}", asked.name, type_name(asked)), example(asked)).error();
}

// ---- numbers ----------------------------------------------------------------------------------------------------

std::optional<FilterError> check_number(const Asked& asked, const Range& range, bool is_range, const Span& span) {
  const std::uint64_t most = asked.field->truth ? 1 : greatest(asked.field->width);
  const Relation relation = asked.test->relation;
  if (range.last > most)
    return fail_at(span, fmt::format("the value is too large: {} is at most {}", asked.name, most)).error();
  if (is_range && relation != Relation::in)
    return fail_at(span, fmt::format("'{}' takes one number, not a range", spelling(relation)), "use 'in'").error();
  const bool never =
      (relation == Relation::less && range.first == 0) || (relation == Relation::greater && range.first == most);
  if (never) return fail_at(span, fmt::format("can never be true: {} is 0 to {}", asked.name, most)).error();
  return std::nullopt;
}

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::expected<std::uint64_t, FilterError> named_number(const Asked& asked, std::string_view name, const Span& span) {
  static constexpr parsers::NamedNumber truths[] = {{"false", 0}, {"true", 1}};
  const auto names = asked.field->truth ? std::span<const parsers::NamedNumber>(truths) : asked.field->names;
  const auto found = std::ranges::find_if(names, [&](const auto& each) { return same_letters(each.name, name); });
  if (found != names.end()) return found->number;
  std::vector<std::string_view> known;
  known.reserve(names.size());
  for (const auto& each : names) known.push_back(each.name);
  const std::string_view near = nearest(name, known);
  return fail_at(span, fmt::format("{} has no value named {}", asked.name, quoted(name)),
                 near.empty() ? fmt::format("{}; numbers are taken, too", example(asked))
                              : fmt::format("did you mean '{}'?", near));
}

std::expected<Range, FilterError> range_of(const Asked& asked, const QuantityRange& written, const Span& span) {
  const auto first = number_of(written.first, asked.field->notation, span);
  if (!first) return std::unexpected(first.error());
  const auto last = number_of(written.last, asked.field->notation, span);
  if (!last) return std::unexpected(last.error());
  if (*first > *last) return fail_at(span, "the range is empty: its first number is greater than its last");
  return Range{*first, *last};
}

Converted to_number(const Asked& asked, const Value& value) {
  const parsers::Field& field = *asked.field;
  std::expected<std::uint64_t, FilterError> number = std::unexpected(wrong_type(asked, value));
  const bool mac = field.notation == Notation::mac;
  if (const auto* range = std::get_if<QuantityRange>(&value.written); range != nullptr && !mac) {
    const auto both = range_of(asked, *range, value.span);
    if (!both) return std::unexpected(both.error());
    if (auto error = check_number(asked, *both, true, value.span)) return std::unexpected(std::move(*error));
    return *both;
  }
  const bool has_names = field.truth || !field.names.empty();
  if (const auto* quantity = std::get_if<Quantity>(&value.written); quantity != nullptr && !mac) {
    number = number_of(*quantity, field.notation, value.span);
  } else if (const auto* written = std::get_if<Mac>(&value.written); written != nullptr && mac) {
    number = written->number;
  } else if (const auto* word = std::get_if<Word>(&value.written); word != nullptr && has_names) {
    number = named_number(asked, word->text, value.span);
  } else if (const auto* text = std::get_if<Text>(&value.written);
             text != nullptr && !text->in_hexadecimal && !field.names.empty()) {
    number = named_number(asked, text->bytes, value.span);
  }
  if (!number) return std::unexpected(number.error());
  if (auto error = check_number(asked, {*number, *number}, false, value.span))
    return std::unexpected(std::move(*error));
  return *number;
}

// ---- addresses and texts ----------------------------------------------------------------------------------------

Converted to_address(const Asked& asked, const Value& value) {
  const auto fits = [&](const IpAddress& address) {
    return version_of(asked) == 0 || version_of(asked) == static_cast<int>(address.version);
  };
  if (const auto* address = std::get_if<IpAddress>(&value.written); address != nullptr && fits(*address))
    return *address;
  if (const auto* block = std::get_if<Subnet>(&value.written); block != nullptr && fits(block->address)) return *block;
  return std::unexpected(wrong_type(asked, value));
}

Converted to_text_operand(const Asked& asked, const Value& value) {
  const auto* text = std::get_if<Text>(&value.written);
  if (text == nullptr) return std::unexpected(wrong_type(asked, value));
  const Relation relation = asked.test->relation;
  std::string bytes = text->bytes;
  while (relation == Relation::under && bytes.starts_with('.')) bytes.erase(0, 1);
  if (is_search(relation) && bytes.empty())
    return fail_at(value.span, fmt::format("'{}' needs text to look for", spelling(relation)),
                   fmt::format("{} alone asks whether it is there", asked.name));
  if (relation == Relation::matches) return expression_of(*text, value.span);
  if (!text->flags.empty())
    return fail_at(value.span, fmt::format("'{}' takes no flags: they are for regular expressions", spelling(relation)),
                   fmt::format("{} matches takes them, as in '(^|\\\\.)example\\\\.com$'i", asked.name));
  return bytes;
}

Converted to_operand(const Asked& asked, const Value& value) {
  switch (asked.field->type) {
    case FieldType::number:
      return to_number(asked, value);
    case FieldType::address:
      return to_address(asked, value);
    case FieldType::text:
      break;
  }
  return to_text_operand(asked, value);
}

// ---- files ------------------------------------------------------------------------------------------------------

// Text need not be in quotes in a file.
std::expected<Value, FilterError> value_in_line(const Asked& asked, std::string_view line) {
  const bool plain = line.front() != '\'' && line.front() != '"' && line.front() != '|';
  if (asked.field->type == FieldType::text && plain) return Value{Text{std::string(line), false, {}}, {0, line.size()}};
  const auto tokens = tokenize(line);
  if (!tokens) return std::unexpected(tokens.error());
  const Token& first = tokens->front();
  if (tokens->size() != 2)
    return fail_at({0, line.size()}, fmt::format("expected one value, found {}", quoted(line)),
                   "a file has one value a line");
  if (first.kind == TokenKind::name) return Value{Word{first.text}, first.span};
  if (first.kind == TokenKind::value) return Value{first.value, first.span};
  return fail_at(first.span, fmt::format("expected a value, found {}", quoted(first.text)));
}

std::optional<FilterError> add_file(const Asked& asked, const Value& value, const Files& files,
                                    std::vector<Operand>& operands) {
  const std::string& name = std::get<FileName>(value.written).name;
  if (asked.test->relation < Relation::in)
    return fail_at(value.span, fmt::format("'{}' takes one value, not a file", spelling(asked.test->relation)),
                   "use 'in'")
        .error();
  const auto lines = files.lines(name, value.span);
  if (!lines) return lines.error();
  operands.reserve(operands.size() + lines->size());
  for (const FileLine& line : *lines) {
    const auto written = value_in_line(asked, line.text);
    if (!written) return in_file(name, line, written.error(), value.span);
    auto operand = to_operand(asked, *written);
    if (!operand) return in_file(name, line, std::move(operand.error()), value.span);
    operands.push_back(std::move(*operand));
  }
  return std::nullopt;
}

}  // namespace

std::string_view spelling(Relation relation) {
  static constexpr std::string_view spellings[] = {
      "", "=", "<", "<=", ">", ">=", "in", "contains", "starts_with", "ends_with", "under", "matches"};
  return spellings[static_cast<std::size_t>(relation)];
}

std::optional<FilterError> check_relation(const Asked& asked) {
  const Test& test = *asked.test;
  const auto type = asked.field->type;
  const bool order_of_macs = is_order(test.relation) && asked.field->notation == Notation::mac;
  const bool wrong = (is_order(test.relation) && type != FieldType::number) ||
                     (is_search(test.relation) && type != FieldType::text) || order_of_macs;
  if (wrong)
    return fail_at(test.relation_span,
                   fmt::format("'{}' does not apply to {}: its values are {}", spelling(test.relation), asked.name,
                               type_name(asked)),
                   example(asked))
        .error();
  if (test.set && (test.relation == Relation::equal || is_order(test.relation)))
    return fail_at(test.relation_span, fmt::format("'{}' takes one value, not a set", spelling(test.relation)),
                   "use 'in'")
        .error();
  return std::nullopt;
}

std::expected<std::vector<Operand>, FilterError> operands_of(const Asked& asked, const Files& files) {
  std::vector<Operand> operands;
  operands.reserve(asked.test->values.size());
  for (const Value& value : asked.test->values) {
    if (std::holds_alternative<FileName>(value.written)) {
      if (auto error = add_file(asked, value, files, operands)) return std::unexpected(std::move(*error));
      continue;
    }
    auto operand = to_operand(asked, value);
    if (!operand) return std::unexpected(std::move(operand.error()));
    operands.push_back(std::move(*operand));
  }
  return operands;
}

std::expected<std::uint64_t, FilterError> share_of(const Value& value) {
  const auto* quantity = std::get_if<Quantity>(&value.written);
  if (quantity == nullptr) return fail_at(value.span, "sample takes a percentage", "as in sample(1%)");
  return share_of_percent(*quantity, value.span);
}

std::expected<const parsers::Protocol*, FilterError> service_of(const Asked& asked, const Value& value) {
  const auto* text = std::get_if<Text>(&value.written);
  const auto* word = std::get_if<Word>(&value.written);
  if (text == nullptr && word == nullptr) return std::unexpected(wrong_type(asked, value));
  const std::string_view name = text != nullptr ? std::string_view(text->bytes) : word->text;
  const auto* protocol = parsers::find_protocol(name);
  if (protocol != nullptr && protocol->is_application()) return protocol;
  std::vector<std::string_view> known;
  for (const auto& each : parsers::registry())
    if (each.is_application()) known.push_back(each.name);
  const std::string_view near = nearest(name, known);
  return fail_at(
      value.span, fmt::format("no application protocol is named {}", quoted(name)),
      near.empty() ? fmt::format("there are {}", fmt::join(known, ", ")) : fmt::format("did you mean '{}'?", near));
}

}  // namespace iris::filter
