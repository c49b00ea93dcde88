// A NIC's ticks in wall time.
#include "daemon/source/hardware_clock.hpp"

#include <gtest/gtest.h>

namespace iris::source {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

TEST(HardwareClock, NeedsTwoReadings) {
  HardwareClock clock;
  EXPECT_TRUE(clock.due({0}));
  EXPECT_FALSE(clock.ready());
  clock.sample(1000, {5 * second});
  EXPECT_FALSE(clock.ready());
  EXPECT_FALSE(clock.due({6 * second - 1}));
  EXPECT_TRUE(clock.due({6 * second}));
  clock.sample(1000 + 250'000'000, {6 * second});  // 4 ns a tick
  ASSERT_TRUE(clock.ready());
}

TEST(HardwareClock, ConvertsBothWaysFromTheLastReading) {
  HardwareClock clock;
  clock.sample(0, {5 * second});
  clock.sample(250'000'000, {6 * second});
  EXPECT_EQ(clock.at(250'000'000), Timestamp{6 * second});
  EXPECT_EQ(clock.at(250'000'001), Timestamp{6 * second + 4});
  EXPECT_EQ(clock.at(249'999'999), Timestamp{6 * second - 4});
}

TEST(HardwareClock, FollowsDrift) {
  HardwareClock clock;
  clock.sample(0, {0});
  clock.sample(1'000'000'000, {second});
  clock.sample(2'000'100'000, {2 * second});  // 100 ppm fast
  EXPECT_EQ(clock.at(3'000'200'000), Timestamp{3 * second});
}

TEST(HardwareClock, StartsAnewWhenAClockIsSetBack) {
  HardwareClock clock;
  clock.sample(1000, {second});
  clock.sample(2000, {2 * second});
  clock.sample(10, {3 * second});
  EXPECT_FALSE(clock.ready());
  clock.sample(1010, {4 * second});
  EXPECT_TRUE(clock.ready());
  clock.sample(2010, {second});
  EXPECT_FALSE(clock.ready());
}

}  // namespace
}  // namespace iris::source
