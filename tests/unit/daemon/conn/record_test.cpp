#include "daemon/conn/record.hpp"

#include <gtest/gtest.h>

namespace iris::conn {
namespace {

TEST(Ticks, ComparisonSurvivesWrapping) {
  EXPECT_TRUE(before(1, 2));
  EXPECT_FALSE(before(2, 2));
  EXPECT_TRUE(before(0xfffffff0U, 5));
  EXPECT_FALSE(before(5, 0xfffffff0U));
}

TEST(Ticks, DurationsAreRoundedUpAndBounded) {
  EXPECT_EQ(to_ticks({-5}), 0U);
  EXPECT_EQ(to_ticks({0}), 0U);
  EXPECT_EQ(to_ticks({1}), 1U);
  EXPECT_EQ(to_ticks({1 << 20}), 1U);
  EXPECT_EQ(to_ticks({(1 << 20) + 1}), 2U);
  EXPECT_EQ(to_ticks({std::numeric_limits<std::int64_t>::max()}), 0x7fffffffU);
}

TEST(Ticks, ClockCountsFromItsBase) {
  const Clock clock({1'000'000'000});
  EXPECT_EQ(clock.ticks_at({1'000'000'000}), 0U);
  EXPECT_EQ(clock.ticks_at({5}), 0U);
  EXPECT_EQ(clock.ticks_at({1'000'000'000 + (std::uint64_t{7} << 52)}), std::uint64_t{7} << 32);
  EXPECT_EQ(clock.time_at(3).nanoseconds, 1'000'000'000 + (3U << 20));
}

TEST(Record, ExpiresAtItsDeadline) {
  Record record;
  record.last_seen = 0xfffffffeU;
  EXPECT_EQ(deadline(record, 10), 8U);
  EXPECT_FALSE(expired(record, 7, 10));
  EXPECT_TRUE(expired(record, 8, 10));
  // A packet captured before the latest one ends nothing.
  EXPECT_FALSE(expired(record, 0xfffffff0U, 10));
}

}  // namespace
}  // namespace iris::conn
