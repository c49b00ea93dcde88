#include "proto/utf8.hpp"

#include <gtest/gtest.h>

namespace iris::proto {
namespace {

TEST(Utf8, ValidTextStays) {
  for (const std::string_view text : {"", "plain", "caf\u00e9", "\u20ac \U0001f600", "\u07ff\u0800\uffff\U0010ffff"}) {
    EXPECT_EQ(to_utf8(text), text);
  }
  EXPECT_EQ(to_utf8(std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Utf8, EveryInvalidByteIsReplaced) {
  EXPECT_EQ(to_utf8("a\xff"
                    "b"),
            "a\ufffd"
            "b");
  EXPECT_EQ(to_utf8("\x80"), "\ufffd");
  EXPECT_EQ(to_utf8("\xc3"), "\ufffd");                                // cut short
  EXPECT_EQ(to_utf8("\xe2\x82"), "\ufffd\ufffd");                      // cut short
  EXPECT_EQ(to_utf8("\xc0\xaf"), "\ufffd\ufffd");                      // overlong
  EXPECT_EQ(to_utf8("\xe0\x80\xaf"), "\ufffd\ufffd\ufffd");            // overlong
  EXPECT_EQ(to_utf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");            // a surrogate
  EXPECT_EQ(to_utf8("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd");  // beyond U+10FFFF
}

}  // namespace
}  // namespace iris::proto
