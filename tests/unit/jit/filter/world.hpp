// A small world of connections, and what filters mean in it, said as plainly as possible: the oracle of the normal
// form. Values are few, so that random filters and random connections meet often.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "jit/filter/filter.hpp"

namespace iris::filter::testing {

using Random = std::mt19937;

inline std::size_t below(Random& random, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

template <class T, std::size_t n>
const T& pick(Random& random, const std::array<T, n>& choices) {
  return choices[below(random, n)];
}

// By a field's full name: its values, two for "either end" fields, all of a list's. What is not there is absent.
using World = std::map<std::string, std::vector<Operand>, std::less<>>;

inline IpAddress address_v4(std::uint8_t net, std::uint8_t host) { return IpAddress::v4({10, net, 0, host}); }
inline IpAddress address_v6(std::uint8_t net, std::uint8_t host) {
  return IpAddress::v6({0x20, 1, 0xd, 0xb8, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
}

inline void add_ends(World& world, std::string_view protocol, std::string_view what,
                     const std::array<Operand, 2>& ends) {
  const std::string begin = std::string(protocol) + ".";
  world[begin + "src_" + std::string(what)] = {ends[0]};
  world[begin + "dst_" + std::string(what)] = {ends[1]};
  world[begin + std::string(what)] = {ends[0], ends[1]};
}

// An empty list is absent, but its length is known.
inline void add_list(World& world, const std::string& name, std::size_t size, auto element) {
  for (std::size_t i = 0; i < size; ++i) world[name].push_back(element());
  world["len(" + name + ")"] = {std::uint64_t{size}};
}

inline World random_world(Random& random) {
  constexpr std::array<std::string_view, 6> names{"", "a", "ab", "b.ab", "a.b.ab", "c"};
  const auto number = [&](std::uint64_t limit) { return Operand{std::uint64_t{below(random, limit)}}; };
  const auto byte = [&] { return static_cast<std::uint8_t>(below(random, 2)); };
  World world;
  const bool v4 = below(random, 2) == 0;
  const auto address = [&] { return Operand{v4 ? address_v4(byte(), byte()) : address_v6(byte(), byte())}; };
  const std::array<Operand, 2> ends{address(), address()};
  add_ends(world, "ip", "addr", ends);
  add_ends(world, v4 ? "ipv4" : "ipv6", "addr", ends);
  world[v4 ? "ipv4" : "ipv6"] = {};
  world["ip"] = {};
  world["ip.version"] = {std::uint64_t{v4 ? 4U : 6U}};

  const bool tcp = below(random, 3) != 0;
  world[tcp ? "tcp" : "udp"] = {};
  world["ip.protocol"] = {std::uint64_t{tcp ? 6U : 17U}};
  add_ends(world, tcp ? "tcp" : "udp", "port", {number(4), number(4)});

  world["conn.bytes"] = {number(4)};
  world["conn.duration"] = {number(4)};
  world["sample"] = {std::uint64_t{below(random, 4) << 30U}};

  if (!tcp || below(random, 3) == 0) return world;
  world["tls"] = {};
  const auto text = [&] { return Operand{std::string(pick(random, names))}; };
  for (const std::string_view field : {"tls.sni", "tls.alpn"}) {
    if (below(random, 3) == 0) continue;
    const Operand value = text();
    world[std::string(field)] = {value};
    world["len(" + std::string(field) + ")"] = {std::uint64_t{std::get<std::string>(value).size()}};
  }
  add_list(world, "tls.client_ciphers", below(random, 3), [&] { return number(4); });
  add_list(world, "tls.client_alpn", below(random, 3), text);
  for (const std::string_view field : {"tls.version", "tls.cipher", "tls.client_version"})
    if (below(random, 3) != 0) world[std::string(field)] = {number(4)};
  return world;
}

inline bool holds(Operator op, const Operand& operand, const Operand& value) {
  switch (op) {
    case Operator::present:
      return true;
    case Operator::one_of:
      return operand == value;
    case Operator::in_range: {
      const auto number = std::get<std::uint64_t>(value);
      return std::get<Range>(operand).first <= number && number <= std::get<Range>(operand).last;
    }
    case Operator::in_subnet: {
      const auto& block = std::get<Subnet>(operand);
      const auto& address = std::get<IpAddress>(value);
      return address.version == block.address.version &&
             Endpoint{address}.subnet(block.length, block.length).address == block.address;
    }
    case Operator::contains:
      return std::get<std::string>(value).find(std::get<std::string>(operand)) != std::string::npos;
    case Operator::starts_with:
      return std::get<std::string>(value).starts_with(std::get<std::string>(operand));
    case Operator::ends_with:
      return std::get<std::string>(value).ends_with(std::get<std::string>(operand));
    case Operator::under:
      return value == operand || std::get<std::string>(value).ends_with("." + std::get<std::string>(operand));
    case Operator::matches:
      return std::regex_search(std::get<std::string>(value), std::regex(std::get<std::string>(operand)));
  }
  return false;
}

// Absent: false. "Either end", any operand.
inline bool holds(const World& world, std::string_view name, Operator op, const Operands& operands) {
  const auto found = world.find(name);
  if (found == world.end()) return false;
  if (op == Operator::present) return true;
  return std::ranges::any_of(found->second, [&](const Operand& value) {
    return std::ranges::any_of(operands, [&](const Operand& operand) { return holds(op, operand, value); });
  });
}

inline bool holds_for_every(const World& world, std::string_view name, Operator op, const Operands& operands) {
  const auto found = world.find(name);
  if (found == world.end() || found->second.empty()) return false;
  return std::ranges::all_of(found->second, [&](const Operand& value) {
    return std::ranges::any_of(operands, [&](const Operand& operand) { return holds(op, operand, value); });
  });
}

inline bool holds(const World& world, const Predicate& predicate) {
  if (predicate.field == &parsers::service_field) {
    if (predicate.op == Operator::in_range) return world.contains("tls");  // some service
    const auto number = std::get<std::uint64_t>(predicate.operands.front());
    return world.contains(parsers::registry()[number].name);
  }
  const std::string name = std::string(protocol_of(*predicate.field)) + "." + std::string(predicate.field->name);
  switch (predicate.field->part) {
    case parsers::Part::value:
      break;
    case parsers::Part::every:
      return holds_for_every(world, name, predicate.op, predicate.operands);
    case parsers::Part::length:
      return holds(world, "len(" + name + ")", predicate.op, predicate.operands);
    case parsers::Part::sample:
      return holds(world, "sample", predicate.op, predicate.operands);
  }
  return holds(world, name, predicate.op, predicate.operands);
}

inline bool holds(const World& world, const Clause& clause) {
  return std::ranges::all_of(
      clause, [&](const Literal& literal) { return holds(world, literal.predicate) != literal.negated; });
}

inline bool holds(const World& world, const std::vector<Clause>& clauses) {
  return std::ranges::any_of(clauses, [&](const Clause& clause) { return holds(world, clause); });
}

}  // namespace iris::filter::testing
