#include <string>

#include <gtest/gtest.h>

#include "jit/filter/filter.hpp"

namespace iris::filter {
namespace {

FilterError at(std::size_t offset, std::size_t length) { return {offset, length, "wrong", ""}; }

TEST(FilterError, UnderlinesWhatIsWrong) {
  EXPECT_EQ(render("tls.snl = 'x'", {0, 7, "unknown field 'tls.snl'", "did you mean 'tls.sni'?"}),
            "filter:1:1: error: unknown field 'tls.snl'; did you mean 'tls.sni'?\n"
            "tls.snl = 'x'\n"
            "^~~~~~~");
}

TEST(FilterError, AtTheEnd) { EXPECT_EQ(render("tls and", at(7, 1)), "filter:1:8: error: wrong\ntls and\n       ^"); }

TEST(FilterError, InEmptyText) { EXPECT_EQ(render("", at(0, 1)), "filter:1:1: error: wrong\n\n^"); }

TEST(FilterError, ShowsItsLineOnly) {
  EXPECT_EQ(render("a\nbc d\ne", at(3, 1)), "filter:2:2: error: wrong\nbc d\n ^");
  EXPECT_EQ(render("a\nbc d\ne", at(3, 99)), "filter:2:2: error: wrong\nbc d\n ^~~");
  EXPECT_EQ(render("a\n", at(2, 1)), "filter:2:1: error: wrong\n\n^");
  EXPECT_EQ(render("a\nb", at(1, 1)), "filter:1:2: error: wrong\na\n ^");
}

TEST(FilterError, CountsCharactersForTheCaretAndBytesForTheColumn) {
  EXPECT_EQ(render("'\xc3\xbc' x", at(5, 1)), "filter:1:6: error: wrong\n'\xc3\xbc' x\n    ^");
}

TEST(FilterError, ControlCharactersDoNotReachTheTerminal) {
  EXPECT_EQ(render("\ta\x1b[0m\x7f", at(1, 1)), "filter:1:2: error: wrong\n a [0m \n ^");
}

TEST(FilterError, LongLinesAreCut) {
  const std::string text = std::string(500, 'a') + "bb" + std::string(500, 'c');
  EXPECT_EQ(render(text, at(500, 2)), "filter:1:501: error: wrong\n..." + std::string(60, 'a') + "bb" +
                                          std::string(60, 'c') + "...\n" + std::string(63, ' ') + "^~");
}

TEST(FilterError, EndsOutsideOfTheTextAreCut) {
  EXPECT_EQ(render("tls", at(100, 100)), "filter:1:4: error: wrong\ntls\n   ^");
}

}  // namespace
}  // namespace iris::filter
