// What the normal form promises beyond the texts of tests/golden/filter: identity, limits, time.
#include "jit/filter/filter.hpp"

#include <string>

#include <gtest/gtest.h>

namespace iris::filter {
namespace {

std::string message(std::string_view text) {
  const auto filter = parse(text);
  return filter ? "" : filter.error().message;
}

std::string joined(std::string_view separator, std::size_t count, auto part) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) result += separator;
    result += part(std::to_string(i));
  }
  return result;
}

TEST(Filter, EmptyIsOneEmptyClause) {
  const auto filter = parse("");
  ASSERT_TRUE(filter);
  ASSERT_EQ(filter->clauses.size(), 1U);
  EXPECT_TRUE(filter->clauses.front().empty());
  EXPECT_EQ(level(*filter), parsers::Level::tuple);
}

TEST(Filter, KeepsItsText) {
  const std::string text = " tls  and\ttcp.port = 443 ";
  EXPECT_EQ(parse(text)->text, text);
}

TEST(Filter, SameMeaningSamePredicates) {
  const auto first = parse("tls.sni in {'b', 'a'} and tcp.port in {1..3, 4}");
  const auto second = parse("tcp.port in 1..4 and (tls.sni = 'a' or tls.sni = 'b') and tls");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->clauses, second->clauses);
}

TEST(Filter, EitherEndIsOnePredicate) {
  const auto filter = parse("tcp.port = 443");
  ASSERT_TRUE(filter);
  ASSERT_EQ(filter->clauses.size(), 1U);
  EXPECT_EQ(filter->clauses.front().back().predicate.field->alternatives, 2);
}

TEST(Filter, EitherEndMayHaveTwoValues) {
  EXPECT_TRUE(parse("tcp.port = 80 and tcp.port = 443"));
  EXPECT_TRUE(parse("tcp.port = 80 and tcp.port != 443"));
  EXPECT_FALSE(parse("tcp.port = 80 and tcp.port != 80"));
  EXPECT_FALSE(parse("tcp.port in 80..90 and tcp.port not in 1..100"));
  EXPECT_FALSE(parse("tcp.src_port = 80 and tcp.src_port = 443"));
}

TEST(Filter, LevelIsThatOfTheLastLiteral) {
  EXPECT_EQ(level(*parse("tcp.port = 1 and ip.addr != 10.0.0.1")), parsers::Level::tuple);
  EXPECT_EQ(level(*parse("tcp or tls and ipv4")), parsers::Level::tuple) << "the second clause as good as is the first";
  EXPECT_EQ(level(*parse("udp or tls")), parsers::Level::protocol);
  EXPECT_EQ(level(*parse("not tls.sni")), parsers::Level::session);
}

TEST(Filter, ProtocolOfAField) {
  for (const auto& protocol : parsers::registry())
    for (const auto& field : protocol.fields) EXPECT_EQ(protocol_of(field), protocol.name) << field.name;
  EXPECT_EQ(protocol_of(parsers::service_field), "");
}

TEST(Filter, EveryFieldOfTheRegistryParses) {
  for (const auto& protocol : parsers::registry()) {
    if (protocol.name.empty()) continue;
    const auto parses = [&](std::string_view text) {
      const bool of_packets = protocol.presence != nullptr && protocol.presence->level == parsers::Level::tuple;
      const bool of_connections = protocol.occurrence != parsers::Occurrence::packets_only;
      EXPECT_EQ(parse(text, Subject::packet).has_value(), of_packets) << text;
      EXPECT_EQ(parse(text, Subject::connection).has_value(), of_connections) << text;
    };
    parses(protocol.name);
    for (const auto& field : protocol.fields) {
      const auto name = std::string(protocol.name) + "." + std::string(field.name);
      const std::string value = field.type == parsers::FieldType::text ? "'x'" : "1";
      switch (field.part) {
        case parsers::Part::value:
          parses(name);
          break;
        case parsers::Part::every:
          parses("all(" + name + " = " + value + ")");
          break;
        case parsers::Part::length:
          parses("len(" + name + ") > 1");
          break;
        case parsers::Part::sample:
          EXPECT_TRUE(parse("sample(1%)", Subject::connection));
          EXPECT_TRUE(parse("sample(1%)", Subject::packet));
          break;
      }
    }
  }
}

TEST(Filter, NumbersFitTheirFields) {
  EXPECT_TRUE(parse("tcp.port = 65535 and ip.version <= 255"));
  EXPECT_EQ(message("tcp.port = 65536"), "the value is too large: tcp.port is at most 65535");
  EXPECT_EQ(message("ip.version = 256"), "the value is too large: ip.version is at most 255");
}

TEST(Filter, AlternativesAreLimited) {
  const auto alternative = [](const std::string& i) { return "tcp.src_port = " + i + " and tcp.dst_port = " + i; };
  EXPECT_EQ(parse(joined(" or ", max_clauses, alternative))->clauses.size(), max_clauses);
  EXPECT_NE(message(joined(" or ", max_clauses + 1, alternative)).find("more than 64 alternatives"), std::string::npos);
}

TEST(Filter, ALimitIsOnWhatRemains) {
  // 16 times 16 alternatives, of which 16 remain: the others contradict themselves.
  const auto alternative = [](const std::string& i) { return "(tcp.src_port = " + i + " and tcp.dst_port = 1)"; };
  const std::string any = "(" + joined(" or ", 16, alternative) + ")";
  const auto filter = parse(any + " and " + any);
  ASSERT_TRUE(filter);
  EXPECT_EQ(filter->clauses.size(), 16U);
}

TEST(Filter, ManyValuesAreOnePredicate) {
  const auto filter = parse(joined(" or ", 3000, [](const std::string& i) { return "tcp.port = " + i; }));
  ASSERT_TRUE(filter);
  ASSERT_EQ(filter->clauses.size(), 1U);
  EXPECT_EQ(filter->clauses.front().back().predicate.operands.size(), 3000U);
}

TEST(Filter, LongFiltersEnd) {
  const auto narrow = [](const std::string& i) { return "(tls or tls.sni contains '" + i + "')"; };
  EXPECT_TRUE(parse(joined(" and ", 1500, narrow)));
  EXPECT_FALSE(parse(
      joined(" and ", 1500, [](const std::string& i) { return "(tls.alpn ~ '" + i + "' or tls.sni ~ '" + i + "')"; })));
  EXPECT_TRUE(parse(joined(" and ", 2000, [](const std::string& i) { return "tls.sni contains '" + i + "'"; })));
  EXPECT_TRUE(parse(joined(" and ", 2000, [](const std::string& i) { return "tls.sni !contains '" + i + "'"; })));
  EXPECT_FALSE(parse(joined(" or ", 2000, [](const std::string& i) { return "not tls.sni contains '" + i + "'"; })));
}

TEST(Filter, NeverTrueIsAnErrorOnlyAsAWhole) {
  EXPECT_EQ(message("tcp and udp"), "can never be true: tcp and udp exclude each other");
  EXPECT_EQ(message("tls and ipv4 and ipv6"), "can never be true: ipv4 and ipv6 exclude each other");
  EXPECT_EQ(parse("tcp and udp or ipv4")->clauses.size(), 1U);
}

}  // namespace
}  // namespace iris::filter
