// The normal form of random filters is true of exactly the connections that the filters, read literally, are true of.
#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "jit/filter/filter.hpp"
#include "tests/unit/jit/filter/world.hpp"

namespace iris::filter {
namespace {

using namespace testing;

// A filter as text and as what it means.
struct Written {
  std::string text;
  std::function<bool(const World&)> meaning;
};

struct WrittenOperands {
  std::string text;
  // An operand with the operator that it stands for in a set of values.
  std::vector<std::pair<Operator, Operand>> operands;
};

class Writer {
 public:
  explicit Writer(Random& random) : random_(random) {}

  Written filter(int depth) {
    switch (depth == 0 ? 0 : below(random_, 5)) {
      case 0:
        return test();
      case 1: {
        Written inner = filter(depth - 1);
        return {one_of("not ", "! ", "NOT ") + "(" + inner.text + ")",
                [meaning = inner.meaning](const World& world) { return !meaning(world); }};
      }
      case 2:
      case 3:
        return chain(depth, true);
      default:
        return chain(depth, false);
    }
  }

 private:
  std::string one_of(const char* a, const char* b, const char* c) { return pick(random_, std::array{a, b, c}); }

  Written chain(int depth, bool all) {
    std::string text;
    std::vector<std::function<bool(const World&)>> parts;
    for (std::size_t n = 2 + below(random_, 3); n > 0; --n) {
      Written part = filter(depth - 1);
      if (!text.empty()) text += all ? one_of(" and ", " && ", " AND ") : one_of(" or ", " || ", "\nOR\t");
      text += below(random_, 4) == 0 || !all ? "(" + part.text + ")" : part.text;
      parts.push_back(std::move(part.meaning));
    }
    // The parts of a conjunction are not always in parentheses; it is itself, so that chains within chains bind alike.
    return {"(" + text + ")", [parts, all](const World& world) {
              const auto holds = [&](const auto& part) { return part(world); };
              return all ? std::ranges::all_of(parts, holds) : std::ranges::any_of(parts, holds);
            }};
  }

  Written test() {
    static constexpr std::array<std::string_view, 6> protocols{"ip", "ipv4", "ipv6", "tcp", "udp", "tls"};
    static constexpr std::array<std::string_view, 11> numbers{
        "tcp.port",    "tcp.src_port", "tcp.dst_port",       "udp.port",   "udp.src_port",      "ip.version",
        "ip.protocol", "tls.version",  "tls.client_version", "tls.cipher", "tls.client_ciphers"};
    static constexpr std::array<std::string_view, 5> addresses{"ip.addr", "ip.src_addr", "ipv4.addr", "ipv4.dst_addr",
                                                               "ipv6.src_addr"};
    switch (below(random_, 10)) {
      case 6:
        return below(random_, 2) == 0 ? stream_test() : sample_test();
      case 7:
        return list_test();
      case 8:
        return length_test();
      case 9:
        return service_test();
      case 0:
        return present(pick(random_, protocols));
      case 1:
        return present(below(random_, 2) == 0 ? pick(random_, numbers) : std::string_view("tls.sni"));
      case 2:
        return text_test(std::array{"tls.sni", "tls.alpn", "tls.client_alpn"}[below(random_, 3)]);
      case 3:
        return membership(pick(random_, addresses));
      default:
        return number_test(pick(random_, numbers));
    }
  }

  static Written present(std::string_view name) {
    return {std::string(name), [name = std::string(name)](const World& world) { return world.contains(name); }};
  }

  static Written compared(std::string_view name, const std::string& text, bool negated,
                          const std::vector<std::pair<Operator, Operand>>& operands) {
    return {std::string(name) + text, [name = std::string(name), negated, operands](const World& world) {
              const bool any = std::ranges::any_of(operands, [&](const auto& operand) {
                return testing::holds(world, name, operand.first, {operand.second});
              });
              return world.contains(name) && any != negated;
            }};
  }

  Written number_test(std::string_view name) {
    if (below(random_, 2) == 0) return membership(name);
    const std::uint64_t most = name.starts_with("ip.") ? 0xff : 0xffff;
    const std::uint64_t value = 1 + number(name);
    const std::string written = std::to_string(value);
    switch (below(random_, 4)) {
      case 0:
        return compared(name, one_of("<", " < ", " lt ") + written, false, {{Operator::in_range, Range{0, value - 1}}});
      case 1:
        return compared(name, " <= " + written, false, {{Operator::in_range, Range{0, value}}});
      case 2:
        return compared(name, ">" + written, false, {{Operator::in_range, Range{value + 1, most}}});
      default:
        return compared(name, " >= " + written, false, {{Operator::in_range, Range{value, most}}});
    }
  }

  std::uint64_t number(std::string_view name) {
    if (name == "ip.version") return below(random_, 2) == 0 ? 4 : 6;
    if (name == "ip.protocol") return below(random_, 2) == 0 ? 6 : 17;
    return below(random_, 4);
  }

  Written membership(std::string_view name) {
    const auto operand = [&] {
      return name.find("addr") == std::string_view::npos ? number_operand(name) : address_operand(name);
    };
    if (below(random_, 3) == 0) {
      WrittenOperands single = operand();
      while (single.operands.front().first != Operator::one_of) single = operand();
      const bool negated = below(random_, 2) == 0;
      return compared(name, (negated ? one_of(" != ", "!=", " ne ") : one_of(" = ", "==", " eq ")) + single.text,
                      negated, single.operands);
    }
    WrittenOperands set = operand();
    for (std::size_t more = below(random_, 3); more > 0; --more) {
      const WrittenOperands next = operand();
      set.text += "," + next.text;
      set.operands.insert(set.operands.end(), next.operands.begin(), next.operands.end());
    }
    const bool negated = below(random_, 2) == 0;
    return compared(name, (negated ? " not in {" : " in {") + set.text + "}", negated, set.operands);
  }

  WrittenOperands number_operand(std::string_view name) {
    const std::uint64_t value = number(name);
    if (below(random_, 2) == 0) return {std::to_string(value), {{Operator::one_of, value}}};
    const std::uint64_t last = value + below(random_, 3);
    return {std::to_string(value) + ".." + std::to_string(last), {{Operator::in_range, Range{value, last}}}};
  }

  WrittenOperands address_operand(std::string_view name) {
    const bool v4 = name.starts_with("ipv4") || (name.starts_with("ip.") && below(random_, 2) == 0);
    const auto net = static_cast<std::uint8_t>(below(random_, 2));
    const auto host = static_cast<std::uint8_t>(below(random_, 2));
    const std::string block = v4 ? "10." + std::to_string(net) + ".0." : "2001:db8:" + std::to_string(net) + "00::";
    const IpAddress base = v4 ? address_v4(net, 0) : address_v6(net, 0);
    switch (below(random_, 4)) {
      case 0:
        return {block + "0/" + (v4 ? "24" : "64"),
                {{Operator::in_subnet, Subnet{base, static_cast<std::uint8_t>(v4 ? 24 : 64)}}}};
      case 1:
        return {v4 ? "10.0.0.0/8" : "2001:db8::/32",
                {{Operator::in_subnet,
                  Subnet{v4 ? address_v4(0, 0) : address_v6(0, 0), static_cast<std::uint8_t>(v4 ? 8 : 32)}}}};
      default:
        return {block + std::to_string(host), {{Operator::one_of, v4 ? address_v4(net, host) : address_v6(net, host)}}};
    }
  }

  // ---- texts

  struct TextOperator {
    const char* name;
    Operator op;
  };
  static constexpr std::array<TextOperator, 5> text_operators{{{"contains", Operator::contains},
                                                               {"starts_with", Operator::starts_with},
                                                               {"ends_with", Operator::ends_with},
                                                               {"under", Operator::under},
                                                               {"in", Operator::one_of}}};

  // As 'a', "a" or |61|.
  std::string quoted(const std::string& text) {
    switch (below(random_, 3)) {
      case 0:
        return "'" + text + "'";
      case 1:
        return "\"" + text + "\"";
      default:
        break;
    }
    std::string digits;
    for (const char c : text) digits += fmt::format(" {:02x}", static_cast<unsigned char>(c));
    return "|" + digits + "|";
  }

  std::string some_text() {
    static constexpr std::array<std::string_view, 6> texts{"a", "ab", "b", "c", "b.ab", ".ab"};
    return std::string(pick(random_, texts));
  }

  Written text_test(std::string_view name) {
    const bool negated = below(random_, 2) == 0;
    std::string text = some_text();
    switch (below(random_, 6)) {
      case 0:
        return compared(name, (negated ? " != " : " = ") + quoted(text), negated, {{Operator::one_of, text}});
      case 1:
        return compared(name, (negated ? " not in {" : " in {") + quoted(text) + ", ''}", negated,
                        {{Operator::one_of, text}, {Operator::one_of, std::string()}});
      case 2:
        std::erase(text, '.');
        return compared(name, (negated ? "!~" : "~") + ("'^" + text + "'"), negated, {{Operator::matches, "^" + text}});
      default:
        break;
    }
    const TextOperator& chosen = pick(random_, text_operators);
    // `under '.ab'` is `under 'ab'`.
    const auto meant = [&](const std::string& t) {
      return chosen.op == Operator::under && t.starts_with('.') ? t.substr(1) : t;
    };
    std::string set = quoted(text);
    std::vector<std::pair<Operator, Operand>> operands{{chosen.op, meant(text)}};
    if (below(random_, 2) == 0) {
      const std::string other = some_text();
      set = "{" + set + ", " + quoted(other) + "}";
      operands.emplace_back(chosen.op, meant(other));
    }
    return compared(name, (negated ? one_of(" not ", " !", " ! ") : " ") + (chosen.name + (" " + set)), negated,
                    operands);
  }

  // ---- functions

  // any(f op v) and all(f op v).
  Written list_test() {
    const bool texts = below(random_, 2) == 0;
    const std::string name = texts ? "tls.client_alpn" : "tls.client_ciphers";
    const bool every = below(random_, 2) == 0;
    const bool negated = below(random_, 2) == 0;
    std::string written;
    Operands operands;
    Operator op = Operator::one_of;
    if (texts) {
      const TextOperator& chosen = pick(random_, text_operators);
      const std::string text = pick(random_, std::array<std::string, 4>{"a", "ab", "b", "c"});
      op = chosen.op;
      operands = {text};
      written = std::string(negated ? " not " : " ") + chosen.name + " " + quoted(text);
    } else {
      const std::uint64_t first = below(random_, 4);
      const std::uint64_t last = first + below(random_, 2);
      op = Operator::in_range;
      operands = {Range{first, last}};
      written = std::string(negated ? " not in " : " in ") + std::to_string(first) + ".." + std::to_string(last);
    }
    return {(every ? "all(" : "any(") + name + written + ")", [=](const World& world) {
              if (!world.contains(name)) return false;
              // Some element not: not every element. Every element not: not any.
              const bool of_every = every != negated;
              const bool held =
                  of_every ? holds_for_every(world, name, op, operands) : testing::holds(world, name, op, operands);
              return held != negated;
            }};
  }

  Written length_test() {
    const std::string name =
        "len(" +
        std::string(pick(
            random_, std::array<std::string_view, 4>{"tls.client_alpn", "tls.client_ciphers", "tls.sni", "tls.alpn"})) +
        ")";
    const std::uint64_t value = below(random_, 4);
    if (below(random_, 2) == 0)
      return compared(name, " = " + std::to_string(value), false, {{Operator::one_of, value}});
    return compared(name, " >= " + std::to_string(value), false,
                    {{Operator::in_range, Range{value, ~std::uint64_t{0}}}});
  }

  Written stream_test() {
    const std::uint64_t value = below(random_, 4);
    const std::string written = std::to_string(value);
    if (below(random_, 2) == 0)
      return compared("conn.bytes", " <= " + written, false, {{Operator::in_range, Range{0, value}}});
    return compared("conn.duration", " >= " + written + "ns", false,
                    {{Operator::in_range, Range{value, ~std::uint64_t{0}}}});
  }

  // A quarter of 2^32 is 2^30.
  Written sample_test() {
    const std::uint64_t quarters = 1 + below(random_, 4);
    return {"sample(" + std::to_string(25 * quarters) + "%)", [quarters](const World& world) {
              return std::get<std::uint64_t>(world.at("sample").front()) < quarters << 30U;
            }};
  }

  Written service_test() {
    const bool negated = below(random_, 2) == 0;
    const bool tls = below(random_, 2) == 0;
    switch (below(random_, 3)) {
      case 0:
        return {"conn.service", [](const World& world) { return world.contains("tls"); }};
      case 1:
        return {std::string("conn.service ") + (negated ? "!=" : "=") + (tls ? " 'tls'" : " 'ssh'"),
                [=](const World& world) { return world.contains("tls") && tls != negated; }};
      default:
        return {std::string("conn.service ") + (negated ? "not in" : "in") + " {'ssh', 'http'}",
                [=](const World& world) { return world.contains("tls") && negated; }};
    }
  }

  Random& random_;
};

bool contradicts_itself(const Clause& clause) {
  return std::ranges::any_of(clause, [&](const Literal& literal) {
    return std::ranges::find(clause, Literal{literal.predicate, !literal.negated}) != clause.end();
  });
}

void expect_contract(const Filter& filter) {
  EXPECT_FALSE(filter.clauses.empty());
  EXPECT_LE(filter.clauses.size(), max_clauses);
  for (const Clause& clause : filter.clauses) {
    EXPECT_FALSE(contradicts_itself(clause)) << to_text(clause);
    for (std::size_t i = 1; i < clause.size(); ++i) {
      EXPECT_NE(clause[i - 1], clause[i]) << to_text(clause);
      EXPECT_LE(std::pair(clause[i - 1].predicate.field->level, clause[i - 1].negated),
                std::pair(clause[i].predicate.field->level, clause[i].negated))
          << to_text(clause);
    }
    const auto again = parse(to_text(clause));
    ASSERT_TRUE(again) << render(to_text(clause), again.error());
    EXPECT_EQ(again->clauses, std::vector<Clause>{clause}) << to_text(clause);
  }
}

class FilterProperty : public ::testing::TestWithParam<int> {};

TEST_P(FilterProperty, NormalFormMeansWhatTheTextMeans) {
  Random random(static_cast<unsigned>(GetParam()));
  std::vector<World> worlds(60);
  int understood = 0;
  int matches = 0;
  for (int round = 0; round < 300; ++round) {
    for (World& world : worlds) world = random_world(random);
    const Written written = Writer(random).filter(1 + static_cast<int>(below(random, 3)));
    const auto filter = parse(written.text);
    if (!filter && filter.error().message.find("alternatives") != std::string::npos) continue;
    const bool never = !filter && filter.error().message.starts_with("can never be true");
    ASSERT_TRUE(filter || never) << render(written.text, filter.error());
    ++understood;
    if (filter) expect_contract(*filter);
    for (const World& world : worlds) {
      const bool expected = written.meaning(world);
      ASSERT_EQ(filter && testing::holds(world, filter->clauses), expected) << written.text;
      matches += expected ? 1 : 0;
    }
  }
  EXPECT_GT(understood, 200);
  EXPECT_GT(matches, 3000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FilterProperty, ::testing::Range(1, 9));

}  // namespace
}  // namespace iris::filter
