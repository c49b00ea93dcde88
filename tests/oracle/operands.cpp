#include "tests/oracle/operands.hpp"

#include <algorithm>
#include <limits>
#include <regex>
#include <stdexcept>

#include "jit/filter/parser.hpp"

namespace iris::oracle {
namespace {

using filter::Quantity;
using filter::Relation;
using filter::Text;
using filter::Written;

bool bit(const IpAddress& address, unsigned index) { return (address.bytes[index / 8] >> (7 - index % 8) & 1) != 0; }

bool lies_in(const IpAddress& address, const Subnet& subnet) {
  if (address.version != subnet.address.version) return false;
  const unsigned skipped = address.is_v4() ? 96 : 0;
  for (unsigned i = skipped; i < skipped + subnet.length; ++i) {
    if (bit(address, i) != bit(subnet.address, i)) return false;
  }
  return true;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view without_dot(std::string_view name) { return name.starts_with('.') ? name.substr(1) : name; }

bool matches(const Text& text, const std::string& value) {
  if (text.in_hexadecimal) return value.contains(text.bytes);
  static std::map<std::pair<std::string, bool>, std::regex> compiled;
  const bool any_case = text.flags.contains('i');
  const auto [found, added] = compiled.try_emplace({text.bytes, any_case});
  if (added)
    found->second.assign(text.bytes, any_case ? std::regex::ECMAScript | std::regex::icase : std::regex::ECMAScript);
  return std::regex_search(value, found->second);
}

// Text that a line says without quotes.
bool is_plain(std::string_view line) { return line.front() != '\'' && line.front() != '"' && line.front() != '|'; }

}  // namespace

std::vector<std::string> lines_of(std::string_view content) {
  std::vector<std::string> lines;
  constexpr std::string_view blanks = " \t\r";
  while (!content.empty()) {
    std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    if (line.starts_with('#')) continue;
    line = line.substr(0, line.find(" #"));
    const std::size_t first = line.find_first_not_of(blanks);
    if (first == std::string_view::npos) continue;
    lines.emplace_back(line.substr(first, line.find_last_not_of(blanks) + 1 - first));
  }
  return lines;
}

Operands::Operands(const filter::Test& test, const parsers::Field& field, const Files& files)
    : test_(test), field_(field) {
  for (const filter::Value& value : test.values) {
    const auto* file = std::get_if<filter::FileName>(&value.written);
    if (file == nullptr) {
      written_.push_back(value.written);
      continue;
    }
    for (const std::string& line : lines_of(files.at(file->name))) {
      if (field.type == parsers::FieldType::text && is_plain(line)) {
        written_.emplace_back(Text{line, false, {}});
        continue;
      }
      const std::string& kept = kept_.emplace_back("x = " + line);
      const auto node = filter::parse_text(kept);
      if (!node) throw std::runtime_error("no value: " + line);
      written_.push_back(node->test.values.front().written);
    }
  }
}

std::uint64_t Operands::number(const Quantity& quantity) const {
  static const std::map<std::string_view, std::uint64_t> units{{"", 1},
                                                               {"k", 1000},
                                                               {"M", 1000'000},
                                                               {"G", 1000'000'000},
                                                               {"Ki", 1024},
                                                               {"Mi", 1048576},
                                                               {"Gi", 1073741824},
                                                               {"ns", 1},
                                                               {"us", 1000},
                                                               {"ms", 1000'000},
                                                               {"s", 1000'000'000},
                                                               {"m", 60'000'000'000},
                                                               {"h", 3'600'000'000'000},
                                                               {"d", 86'400'000'000'000}};
  std::uint64_t number = quantity.digits * units.at(quantity.unit);
  for (unsigned i = 0; i < quantity.decimals; ++i) number /= 10;
  return number;
}

std::uint64_t Operands::number(std::string_view name) const {
  if (field_.truth) return same_letters(name, "true") ? 1 : 0;
  for (const auto& each : field_.names) {
    if (same_letters(each.name, name)) return each.number;
  }
  throw std::runtime_error("no number: " + std::string(name));
}

bool Operands::holds(const Text& text, const std::string& value) const {
  switch (test_.relation) {
    case Relation::contains:
      return value.contains(text.bytes);
    case Relation::starts_with:
      return value.starts_with(text.bytes);
    case Relation::ends_with:
      return value.ends_with(text.bytes);
    case Relation::under: {
      const std::string domain(without_dot(text.bytes));
      return value == domain || value.ends_with("." + domain);
    }
    case Relation::matches:
      return matches(text, value);
    default:
      return value == text.bytes;
  }
}

bool Operands::holds(const Written& written, const Value& value) const {
  if (const auto* address = std::get_if<IpAddress>(&value)) {
    if (const auto* block = std::get_if<Subnet>(&written)) return lies_in(*address, *block);
    return *address == std::get<IpAddress>(written);
  }
  const auto* text = std::get_if<Text>(&written);
  if (const auto* string = std::get_if<std::string>(&value)) return holds(*text, *string);
  const std::uint64_t of_field = std::get<std::uint64_t>(value);
  if (const auto* range = std::get_if<filter::QuantityRange>(&written))
    return number(range->first) <= of_field && of_field <= number(range->last);
  std::uint64_t operand = 0;
  if (text != nullptr) operand = number(text->bytes);
  if (const auto* word = std::get_if<filter::Word>(&written)) operand = number(word->text);
  if (const auto* mac = std::get_if<filter::Mac>(&written)) operand = mac->number;
  if (const auto* quantity = std::get_if<Quantity>(&written)) operand = number(*quantity);
  switch (test_.relation) {
    case Relation::less:
      return of_field < operand;
    case Relation::less_equal:
      return of_field <= operand;
    case Relation::greater:
      return of_field > operand;
    case Relation::greater_equal:
      return of_field >= operand;
    default:
      return of_field == operand;
  }
}

bool Operands::hold(const Value& value) const {
  return std::ranges::any_of(written_, [&](const Written& each) { return holds(each, value); });
}

std::vector<std::uint64_t> Operands::bounds() const {
  std::vector<std::uint64_t> bounds;
  const auto add = [&](std::uint64_t number) {
    for (const std::uint64_t near : {number - 1, number, number + 1}) bounds.push_back(near);
  };
  for (const Written& written : written_) {
    if (const auto* quantity = std::get_if<Quantity>(&written)) add(number(*quantity));
    if (const auto* range = std::get_if<filter::QuantityRange>(&written)) {
      add(number(range->first));
      add(number(range->last));
    }
  }
  return bounds;
}

}  // namespace iris::oracle
