#include "jit/filter/parser.hpp"

#include <string>

#include <gtest/gtest.h>

namespace iris::filter {
namespace {

std::string function(const Test& test) {
  static constexpr const char* names[] = {"", "any ", "all ", "len "};
  return names[static_cast<std::size_t>(test.function)];
}

// The tree with every grouping spelled out.
std::string shape(const Node& node) {
  switch (node.kind) {
    case Node::Kind::sample:
      return "sample";
    case Node::Kind::file:
      return "file " + std::get<FileName>(node.test.values.front().written).name;
    case Node::Kind::none:
      return "none " + shape(node.children.front());
    case Node::Kind::test:
      return function(node.test) + std::string(node.test.name) + (node.test.negated ? "!" : "") +
             (node.test.values.empty() ? "" : std::to_string(node.test.values.size()));
    case Node::Kind::negation:
      return "-" + shape(node.children.front());
    case Node::Kind::conjunction:
    case Node::Kind::disjunction:
      break;
  }
  std::string result = node.kind == Node::Kind::conjunction ? "[and" : "[or";
  for (const Node& child : node.children) result += " " + shape(child);
  return result + "]";
}

std::string parsed(std::string_view text) {
  const auto node = parse_text(text);
  return node ? shape(*node) : "error: " + node.error().message;
}

std::string repeated(std::string_view part, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += part;
  return result;
}

TEST(Parser, Precedence) {
  EXPECT_EQ(parsed("a or b and not c or d"), "[or a [and b -c] d]");
  EXPECT_EQ(parsed("not a and b"), "[and -a b]");
  EXPECT_EQ(parsed("not (a and b)"), "-[and a b]");
  EXPECT_EQ(parsed("!!a && (b || c)"), "[and --a [or b c]]");
  EXPECT_EQ(parsed("not a.b = 1"), "-a.b1");
}

TEST(Parser, ChainsAreOneNode) {
  EXPECT_EQ(parsed("a and b and c and d"), "[and a b c d]");
  EXPECT_EQ(parsed("((a))"), "a");
}

TEST(Parser, Tests) {
  EXPECT_EQ(parsed("a.b != 1 and a.c not in {1, 2..3} and a.d !contains 'x'"), "[and a.b!1 a.c!2 a.d!1]");
  EXPECT_EQ(parsed("a.b !~ 'x' and a.c not matches 'x' and a.d not ~ 'x'"), "[and a.b!1 a.c!1 a.d!1]");
}

TEST(Parser, Functions) {
  EXPECT_EQ(parsed("any(a.b = 1) and all(a.c not in {1, 2}) or len(a.d) > 3"),
            "[or [and any a.b1 all a.c!2] len a.d1]");
  EXPECT_EQ(parsed("not none(a.b = 1 or c) and sample(1%)"), "[and -none [or a.b1 c] sample]");
  EXPECT_EQ(parsed("len(a.b)"), "len a.b");
  for (const char* wrong : {"any(a.b)", "all(a.b = 1", "len(a.b = 1)", "len()", "none()", "sample()",
                            "any(a.b = 1 or c)", "any(not a.b = 1)", "some(a.b = 1)", "sample(1% 2)", "len(1)"})
    EXPECT_FALSE(parse_text(wrong)) << wrong;
}

TEST(Parser, Files) {
  EXPECT_EQ(parsed("a.b in file='x.txt' or file = \"y.txt\" and c"), "[or a.b1 [and file y.txt c]]");
  EXPECT_EQ(parsed("a.b in {file='x.txt', 'y', z}"), "a.b3");
  for (const char* wrong : {"file=", "file=x", "file='x'i", "a.b in file=", "file='x'y"})
    EXPECT_FALSE(parse_text(wrong)) << wrong;
}

TEST(Parser, NothingIsEverything) {
  EXPECT_EQ(parsed(""), "[and]");
  EXPECT_EQ(parsed(" \n"), "[and]");
}

TEST(Parser, SpansIncludeParentheses) {
  const auto node = parse_text("a and (b or c) or not d");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->span.end(), 23U);
  EXPECT_EQ(node->children[0].children[1].span.offset, 6U);
  EXPECT_EQ(node->children[0].children[1].span.length, 8U);
  EXPECT_EQ(node->children[1].span.offset, 18U);
}

TEST(Parser, NestingIsLimited) {
  EXPECT_TRUE(parse_text(repeated("(", max_nesting) + "a" + repeated(")", max_nesting)));
  EXPECT_FALSE(parse_text(repeated("(", max_nesting + 1) + "a" + repeated(")", max_nesting + 1)));
  EXPECT_TRUE(parse_text(repeated("not ", max_nesting) + "a"));
  EXPECT_FALSE(parse_text(repeated("not ", max_nesting + 1) + "a"));
  EXPECT_FALSE(parse_text(repeated("!", max_text)));
  EXPECT_FALSE(parse_text(repeated("(", max_text)));
  EXPECT_TRUE(parse_text(repeated("(a) and ", 1000) + "a")) << "what is closed does not count";
}

TEST(Parser, LengthIsLimited) {
  EXPECT_TRUE(parse_text("a" + std::string(max_text - 1, ' ')));
  const auto long_text = parse_text("a" + std::string(max_text, ' '));
  ASSERT_FALSE(long_text);
  EXPECT_EQ(long_text.error().message, "filter is longer than 65536 bytes");
}

TEST(Parser, ErrorsPointIntoTheText) {
  for (const char* wrong : {"(", ")", "and", "a and", "a or (", "a.b =", "a.b in {", "a.b in {1", "a.b in {1,", "not",
                            "a not", "a not =", "a not !~ 'x'", "1", "a b", "{", "a.b in {1} 2", ","}) {
    const auto node = parse_text(wrong);
    ASSERT_FALSE(node) << wrong;
    EXPECT_LE(node.error().offset, std::string_view(wrong).size()) << wrong;
    EXPECT_GE(node.error().length, 1U) << wrong;
    EXPECT_FALSE(node.error().message.empty()) << wrong;
  }
}

}  // namespace
}  // namespace iris::filter
