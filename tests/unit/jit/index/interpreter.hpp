// What a predicate means, said as plainly as possible: the oracle of the index's and the generated code's tests. And
// random predicates and values that meet often.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <regex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "jit/filter/filter.hpp"

namespace iris::testing {

using Value = std::variant<std::uint64_t, IpAddress, std::string>;
using Random = std::mt19937_64;

inline std::uint64_t below(Random& random, std::uint64_t limit) {
  return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random);
}

inline bool bit(const IpAddress& address, unsigned index) {
  return (address.bytes[index / 8] >> (7 - index % 8) & 1) != 0;
}

inline bool in_subnet(const IpAddress& address, const Subnet& subnet) {
  if (address.version != subnet.address.version) return false;
  const unsigned skip = address.is_v4() ? 96 : 0;
  for (unsigned i = 0; i < subnet.length; ++i) {
    if (bit(address, skip + i) != bit(subnet.address, skip + i)) return false;
  }
  return true;
}

inline bool holds(filter::Operator op, const filter::Operand& operand, const Value& value) {
  using enum filter::Operator;
  switch (op) {
    case present:
      return true;
    case one_of:
      if (const auto* number = std::get_if<std::uint64_t>(&operand)) return std::get<std::uint64_t>(value) == *number;
      if (const auto* address = std::get_if<IpAddress>(&operand)) return std::get<IpAddress>(value) == *address;
      return std::get<std::string>(value) == std::get<std::string>(operand);
    case in_range: {
      const auto& range = std::get<filter::Range>(operand);
      const auto number = std::get<std::uint64_t>(value);
      return range.first <= number && number <= range.last;
    }
    case in_subnet:
      return testing::in_subnet(std::get<IpAddress>(value), std::get<Subnet>(operand));
    case contains:
      return std::get<std::string>(value).find(std::get<std::string>(operand)) != std::string::npos;
    case starts_with:
      return std::get<std::string>(value).starts_with(std::get<std::string>(operand));
    case ends_with:
      return std::get<std::string>(value).ends_with(std::get<std::string>(operand));
    case under: {
      const std::string& text = std::get<std::string>(value);
      const std::string& name = std::get<std::string>(operand);
      return text == name || text.ends_with("." + name);
    }
    case matches:
      return std::regex_search(std::get<std::string>(value), std::regex(std::get<std::string>(operand)));
  }
  return false;
}

inline bool holds(const filter::Predicate& predicate, const Value& value) {
  return predicate.op == filter::Operator::present ||
         std::ranges::any_of(predicate.operands,
                             [&](const filter::Operand& operand) { return holds(predicate.op, operand, value); });
}

// ---- random material: small alphabets, so that values and operands meet

inline std::uint64_t random_number(Random& random, unsigned width) {
  const std::uint64_t top = width == 8 ? ~0ULL : (1ULL << (8 * width)) - 1;
  switch (below(random, 4)) {
    case 0:
      return top - below(random, 3);
    case 1:
      return below(random, 3);
    default:
      return below(random, 60) & top;
  }
}

// IPv4 and IPv6 addresses whose bytes are alike, IPv4-mapped IPv6 ones among them.
inline IpAddress random_address(Random& random) {
  const auto octet = [&] { return static_cast<std::uint8_t>(below(random, 2) != 0 ? 0xff : below(random, 2)); };
  IpAddress address = IpAddress::v4({octet(), octet(), octet(), octet()});
  if (below(random, 2) != 0) return address;
  address.version = IpVersion::V6;
  if (below(random, 2) != 0) return address;
  for (std::uint8_t& byte : address.bytes) byte = octet();
  return address;
}

inline Subnet random_subnet(Random& random) {
  const IpAddress address = random_address(random);
  const auto bits = [&](unsigned top) { return static_cast<std::uint8_t>(below(random, top + 1)); };
  return Endpoint{address, 0}.subnet(bits(32), bits(128));
}

inline std::string random_text(Random& random, std::size_t longest) {
  std::string text(below(random, longest + 1), 'a');
  for (char& letter : text) letter = static_cast<char>('a' + below(random, 3));
  return text;
}

// Labels with dots between them, and sometimes one too many.
inline std::string random_name(Random& random, std::uint64_t labels) {
  std::string name;
  for (std::uint64_t i = below(random, labels) + 1; i > 0; --i) {
    if (!name.empty()) name += '.';
    name += random_text(random, 2);
  }
  return name;
}

// Meaning the same in Hyperscan's dialect and in std::regex.
inline std::string random_regex(Random& random) {
  static constexpr std::string_view parts[] = {"a", "b", "c", "[ab]", "a+", "b*", "(ab|c)", "a{2,3}", "[^a]"};
  std::string text;
  if (below(random, 4) == 0) text += '^';
  for (std::uint64_t i = below(random, 4) + 1; i > 0; --i) text += parts[below(random, std::size(parts))];
  if (below(random, 4) == 0) text += '$';
  return text;
}

inline filter::Operand random_operand(Random& random, const parsers::Field& field, filter::Operator op) {
  using enum filter::Operator;
  if (field.type == parsers::FieldType::number) {
    const std::uint64_t a = random_number(random, field.width);
    if (op == one_of) return a;
    const std::uint64_t b = random_number(random, field.width);
    return filter::Range{std::min(a, b), std::max(a, b)};
  }
  if (field.type == parsers::FieldType::address) {
    if (op == one_of) return random_address(random);
    return random_subnet(random);
  }
  if (op == matches) return random_regex(random);
  if (op == under) return random_name(random, 3);
  return random_text(random, op == one_of ? 12 : 4);
}

inline filter::Predicate random_predicate(Random& random, const parsers::Field& field, filter::Operator op) {
  filter::Predicate predicate{&field, op, {}};
  if (op == filter::Operator::present) return predicate;
  std::vector<filter::Operand> operands;
  for (std::uint64_t i = below(random, 4) + 1; i > 0; --i) {
    operands.push_back(random_operand(random, field, op));
  }
  std::ranges::sort(operands);
  operands.erase(std::ranges::unique(operands).begin(), operands.end());
  predicate.operands = std::move(operands);
  return predicate;
}

// A value for the field; every second one is taken from an operand.
inline Value random_value(Random& random, const parsers::Field& field,
                          const std::vector<filter::Predicate>& predicates) {
  if (!predicates.empty() && below(random, 2) != 0) {
    const filter::Predicate& predicate = predicates[below(random, predicates.size())];
    if (predicate.field == &field && !predicate.operands.empty()) {
      const filter::Operand& operand = predicate.operands[below(random, predicate.operands.size())];
      if (const auto* number = std::get_if<std::uint64_t>(&operand)) return *number;
      if (const auto* range = std::get_if<filter::Range>(&operand))
        return below(random, 2) != 0 ? range->first : range->last;
      if (const auto* address = std::get_if<IpAddress>(&operand)) return *address;
      if (const auto* subnet = std::get_if<Subnet>(&operand)) return subnet->address;
      return std::get<std::string>(operand);
    }
  }
  if (field.type == parsers::FieldType::number) return random_number(random, field.width);
  if (field.type == parsers::FieldType::address) return random_address(random);
  return below(random, 2) != 0 ? random_name(random, 6) : random_text(random, 30);
}

}  // namespace iris::testing
