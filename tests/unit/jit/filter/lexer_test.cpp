#include "jit/filter/lexer.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace iris::filter {
namespace {

using enum TokenKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<TokenKind> kinds(std::string_view text) {
  const auto tokens = tokenize(text);
  std::vector<TokenKind> result;
  if (!tokens) return result;
  for (const Token& token : *tokens) result.push_back(token.kind);
  return result;
}

// As an operand, where it can be one whatever the field.
struct Plain {
  Operand operator()(const Quantity& quantity) const {
    EXPECT_TRUE(quantity.unit.empty() && quantity.decimals == 0);
    return quantity.digits;
  }
  Operand operator()(const QuantityRange& range) const { return Range{range.first.digits, range.last.digits}; }
  Operand operator()(const IpAddress& address) const { return address; }
  Operand operator()(const Subnet& block) const { return block; }
  Operand operator()(const Text& text) const { return text.bytes; }
  Operand operator()(const Mac& mac) const { return mac.number; }
  Operand operator()(const Word& word) const { return std::string(word.text); }
  Operand operator()(const FileName& file) const { return file.name; }
};

// The value of a text that is one value.
Written written(std::string_view text) {
  const auto tokens = tokenize(text);
  EXPECT_TRUE(tokens) << text;
  if (!tokens) return {};
  EXPECT_THAT(kinds(text), ElementsAre(value, end)) << text;
  return tokens->front().value;
}
Operand value_of(std::string_view text) { return std::visit(Plain{}, written(text)); }

TEST(Lexer, Spaces) {
  EXPECT_THAT(kinds(""), ElementsAre(end));
  EXPECT_THAT(kinds(" \t\r\n"), ElementsAre(end));
}

TEST(Lexer, OperatorsNeedNoSpaces) {
  EXPECT_THAT(kinds("!(a.b<=1&&c)||d~'x'"), ElementsAre(logical_not, left_paren, name, less_equal, value, logical_and,
                                                        name, right_paren, logical_or, name, matches, value, end));
  EXPECT_THAT(
      kinds("a!=1 b!~'' c==2 d<3>4>=5 e in{6,7}"),
      ElementsAre(name, not_equal, value, name, not_matches, value, name, equal, value, name, less, value, greater,
                  value, greater_equal, value, name, in, left_brace, value, comma, value, right_brace, end));
}

TEST(Lexer, KeywordsAreWholeWords) {
  EXPECT_THAT(
      kinds("and AND or OR not NOT in IN contains matches under starts_with ends_with eq ne lt le gt ge"),
      ElementsAre(logical_and, logical_and, logical_or, logical_or, logical_not, logical_not, in, in, contains, matches,
                  under, starts_with, ends_with, equal, not_equal, less, less_equal, greater, greater_equal, end));
  EXPECT_THAT(kinds("android in.x not_ And"), ElementsAre(name, name, name, name, end));
}

TEST(Lexer, SpansCoverWhatIsWritten) {
  const auto tokens = tokenize("  tls.sni =\n'a b'");
  ASSERT_TRUE(tokens);
  ASSERT_EQ(tokens->size(), 4U);
  EXPECT_EQ((*tokens)[0].text, "tls.sni");
  EXPECT_EQ((*tokens)[0].span.offset, 2U);
  EXPECT_EQ((*tokens)[2].text, "'a b'");
  EXPECT_EQ((*tokens)[3].span.offset, 17U);
}

TEST(Lexer, Numbers) {
  EXPECT_EQ(value_of("0"), Operand(std::uint64_t{0}));
  EXPECT_EQ(value_of("007"), Operand(std::uint64_t{7}));
  EXPECT_EQ(value_of("0x01BB"), Operand(std::uint64_t{443}));
  EXPECT_EQ(value_of("18446744073709551615"), Operand(~std::uint64_t{0}));
  EXPECT_FALSE(tokenize("18446744073709551616"));
  EXPECT_FALSE(tokenize("0x10000000000000000"));
  EXPECT_FALSE(tokenize("0x"));
  EXPECT_FALSE(tokenize("-1"));
  EXPECT_FALSE(tokenize("1e3"));
}

TEST(Lexer, Ranges) {
  EXPECT_EQ(value_of("1..5"), Operand(Range(1, 5)));
  EXPECT_EQ(value_of("5..5"), Operand(Range(5, 5)));
  EXPECT_EQ(value_of("0x10..0x1f"), Operand(Range(16, 31)));
  for (const char* wrong : {"5..1", "1..", "..5", "..", "1...5", "1..2..3", "1..x"})
    EXPECT_FALSE(tokenize(wrong)) << wrong;
}

TEST(Lexer, Addresses) {
  EXPECT_EQ(value_of("192.0.2.1"), Operand(IpAddress::v4({192, 0, 2, 1})));
  EXPECT_EQ(value_of("::"), Operand(IpAddress::v6({})));
  EXPECT_EQ(value_of("fe80::1"), Operand(IpAddress::v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})));
  EXPECT_EQ(value_of("::ffff:192.0.2.1"),
            Operand(IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1})));
  for (const char* wrong : {"1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.04", "1:2", "::g", ":::", "1::2::3", "a:", ":",
                            "fe80::1%eth0", "11111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd"})
    EXPECT_FALSE(tokenize(wrong)) << wrong;
}

TEST(Lexer, Blocks) {
  EXPECT_EQ(value_of("10.0.0.0/8"), Operand(Subnet(IpAddress::v4({10, 0, 0, 0}), 8)));
  EXPECT_EQ(value_of("0.0.0.0/0"), Operand(Subnet(IpAddress::v4({}), 0)));
  EXPECT_EQ(value_of("192.0.2.1/32"), Operand(Subnet(IpAddress::v4({192, 0, 2, 1}), 32)));
  EXPECT_EQ(value_of("::/0"), Operand(Subnet(IpAddress::v6({}), 0)));
  EXPECT_EQ(value_of("8000::/1"), Operand(Subnet(IpAddress::v6({0x80}), 1)));
  EXPECT_EQ(value_of("::1/128"), Operand(Subnet(IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), 128)));
  for (const char* wrong : {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "/8", "10/8",
                            "10.0.0.0/0x8", "10.0.0.1/31", "::1/127", "10.0.0.0/999999999999"})
    EXPECT_FALSE(tokenize(wrong)) << wrong;
}

TEST(Lexer, Strings) {
  using namespace std::string_literals;
  EXPECT_EQ(value_of("''"), Operand(""s));
  EXPECT_EQ(value_of("'it\"s'"), Operand("it\"s"s));
  EXPECT_EQ(value_of("\"it's\""), Operand("it's"s));
  EXPECT_EQ(value_of(R"('\\ \' \" \n \t \x00 \xfF')"), Operand("\\ ' \" \n \t \0 \xff"s));
  EXPECT_EQ(value_of("'line\nline \xc3\xbc'"), Operand("line\nline \xc3\xbc"s));
  for (const char* wrong : {"'", "'x", "\"x'", "'\\", "'\\'", "'\\q'", "'\\x1'", "'\\xgg'", "'\\x", "'\\x1"})
    EXPECT_FALSE(tokenize(wrong)) << wrong;
}

TEST(Lexer, QuantitiesHaveUnits) {
  const auto quantity = [](const char* text) { return std::get<Quantity>(written(text)); };
  EXPECT_EQ(quantity("1.50s").digits, 150U);
  EXPECT_EQ(quantity("1.50s").decimals, 2U);
  EXPECT_EQ(quantity("1.50s").unit, "s");
  EXPECT_EQ(quantity("10Mi").unit, "Mi");
  EXPECT_EQ(quantity("0.1%").unit, "%");
  EXPECT_EQ(std::get<QuantityRange>(written("1ms..2.5s")).last.decimals, 1U);
  for (const char* wrong : {"1.s", "1.", ".5", "1.2.3s", "1s2", "1s_"}) EXPECT_FALSE(tokenize(wrong)) << wrong;
}

TEST(Lexer, MacAddresses) {
  EXPECT_EQ(std::get<Mac>(written("00:1b:21:3C:4d:5e")).number, 0x001b213c4d5eU);
  EXPECT_EQ(std::get<Mac>(written("ff:ff:ff:ff:ff:ff")).number, 0xffffffffffffU);
  for (const char* wrong : {"00:1b:21:3c:4d", "00:1b:21:3c:4d:5", "00:1b:21:3c:4d:5g", "00:1b:21:3c:4d:5e:6f"})
    EXPECT_FALSE(tokenize(wrong)) << wrong;
}

TEST(Lexer, Bytes) {
  using namespace std::string_literals;
  EXPECT_EQ(value_of("|16 03 01|"), Operand("\x16\x03\x01"s));
  EXPECT_EQ(value_of("|160301|"), Operand("\x16\x03\x01"s));
  EXPECT_EQ(value_of("| fF00 |"), Operand("\xff\0"s));
  EXPECT_TRUE(std::get<Text>(written("|2e|")).in_hexadecimal);
  for (const char* wrong : {"|1|", "|16 3|", "|16", "|16 0g|", "|1 6|"}) EXPECT_FALSE(tokenize(wrong)) << wrong;
  EXPECT_THAT(kinds("a||b"), ElementsAre(name, logical_or, name, end));
  EXPECT_THAT(kinds("a|| b"), ElementsAre(name, logical_or, name, end));
}

TEST(Lexer, FlagsStandBehindTheQuote) {
  EXPECT_EQ(std::get<Text>(written("'x'is")).flags, "is");
  EXPECT_EQ(std::get<Text>(written("'x'")).flags, "");
  EXPECT_THAT(kinds("a~'x'i and b~'y'and c"),
              ElementsAre(name, matches, value, logical_and, name, matches, value, logical_and, name, end));
}

TEST(Lexer, RegularExpressionsOfBytes) {
  EXPECT_THAT(kinds("a ~b 'x' b !~b'x' c ~bar"),
              ElementsAre(name, matches_bytes, value, name, not_matches_bytes, value, name, matches, name, end));
}

TEST(Lexer, UnknownCharacters) {
  for (const char* wrong : {"&", "|", ";", "#", "$", "a + b", "\x01", "\xff", "a - b", "[", "a * b"})
    EXPECT_THAT(kinds(wrong), IsEmpty()) << wrong;
  EXPECT_FALSE(tokenize(std::string_view("tls\0", 4)));
}

}  // namespace
}  // namespace iris::filter
