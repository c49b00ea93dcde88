#include <string>

#include <gtest/gtest.h>

#include "jit/filter/filter.hpp"
#include "jit/filter/value.hpp"

namespace iris::filter {
namespace {

TEST(FilterText, ValuesParseBack) {
  for (const char* text :
       {"0.0.0.0", "192.0.2.1", "::", "::1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::", "1:2:3:4:5:6:7:8"}) {
    const auto value = parse_value(text, {});
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(to_text(std::get<IpAddress>(*value)), text);
  }
  for (const char* text : {"0.0.0.0/0", "10.0.0.0/8", "::/0", "2001:db8::/33", "::1/128"}) {
    const auto value = parse_value(text, {});
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(to_text(std::get<Subnet>(*value)), text);
  }
}

TEST(FilterText, StringsParseBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (const std::string& text : {std::string(), std::string("'"), std::string("\\x41"), all}) {
    const std::string quoted = quote_string(text);
    const auto literal = parse_string(quoted, 0);
    ASSERT_TRUE(literal) << quoted;
    EXPECT_EQ(literal->text.bytes, text);
    EXPECT_EQ(literal->span.length, quoted.size());
    for (const char c : quoted) EXPECT_TRUE(c >= ' ' && c <= '~');
  }
}

TEST(FilterText, LiteralsAndProtocols) {
  const auto filter = parse("tls and not tls.sni contains {'b', 'a'}");
  ASSERT_TRUE(filter);
  const Clause& clause = filter->clauses.front();
  ASSERT_EQ(clause.size(), 3U);
  EXPECT_EQ(to_text(clause[1]), "tls");
  EXPECT_EQ(to_text(clause[2]), "not tls.sni contains {'a', 'b'}");
  EXPECT_EQ(to_text(clause[2].predicate), "tls.sni contains {'a', 'b'}");
  EXPECT_EQ(to_text(clause), "tcp and tls and not tls.sni contains {'a', 'b'}");
  EXPECT_EQ(to_text(Clause{}), "");
}

TEST(FilterText, TheServiceFieldHasAName) {
  EXPECT_EQ(to_text(Predicate{&parsers::service_field, Operator::one_of, {std::uint64_t{0}}}), "service = 0");
}

}  // namespace
}  // namespace iris::filter
