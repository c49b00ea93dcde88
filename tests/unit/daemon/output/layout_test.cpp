#include "daemon/output/layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/daemon/output/layouts.hpp"

namespace iris::output {
namespace {

std::string fault(Value layout) {
  const auto result = check_layout({"Row", std::move(layout)});
  return result ? "" : result.error().message;
}

TEST(Layout, AcceptsWhatTheFrontEndWrites) {
  EXPECT_EQ(fault(only(endpoint())), "");
  EXPECT_EQ(fault(only(vector_of(optional_of<std::string>(value(ValueKind::text, sizeof(std::string)))))), "");
  EXPECT_EQ(fault(structure(1, {})), "");
}

TEST(Layout, NamesTheMember) {
  EXPECT_THAT(fault(only(vector_of(value(ValueKind::unsigned_integer, 3)))),
              testing::HasSubstr("Row.x[] (kind 1, 3 bytes) has a size"));
}

TEST(Layout, RefusesWhatTheEncoderCannotFollow) {
  EXPECT_NE(fault(integer<int>()), "");                          // not a struct
  EXPECT_NE(fault(only(value(ValueKind::span, 16))), "");        // no element
  EXPECT_NE(fault(only(value(ValueKind::ip_address, 16))), "");  // without its version
  EXPECT_NE(fault(only(array_of(0, integer<int>()))), "");       // nothing has no size
  EXPECT_NE(fault(only(value(ValueKind::floating, 16))), "");    // long double
  EXPECT_NE(fault(only(value(static_cast<ValueKind>(99), 1))), "");
  EXPECT_NE(fault(structure(4, {member("x", 1, integer<int>())})), "");  // sticks out
  EXPECT_NE(fault(structure(4, {member("x", 0xffffffffU, integer<int>())})), "");
  Value array = array_of(4, integer<int>());
  array.count = 0xffffffffU;
  EXPECT_NE(fault(only(array)), "");
  Value optional = optional_of<int>(integer<int>());
  optional.flag_offset = 8;
  EXPECT_NE(fault(only(optional)), "");
}

TEST(Layout, RefusesEndlessNesting) {
  Value list = vector_of(integer<int>());
  for (unsigned i = 0; i < max_depth; ++i) list = vector_of(list);
  EXPECT_THAT(fault(only(list)), testing::HasSubstr("nests more than 32 types"));
}

}  // namespace
}  // namespace iris::output
