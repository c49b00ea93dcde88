#include "daemon/conn/filter_history.hpp"

#include <gtest/gtest.h>

namespace iris::conn {
namespace {

constexpr std::int64_t second = 1'000'000'000;

std::shared_ptr<const plan::PacketFilter> ports(std::vector<std::uint16_t> ports) {
  plan::PacketFilterBuilder builder;
  builder.add({plan::Reach::Kind::ports, std::move(ports)});
  return builder.snapshot();
}

Timestamp at(std::int64_t seconds) { return {static_cast<std::uint64_t>(seconds * second)}; }

class FilterHistoryTest : public testing::Test {
 protected:
  [[nodiscard]] std::uint32_t birth(std::uint16_t port, std::int64_t seconds) const {
    const IpAddress address = IpAddress::v4({192, 0, 2, 1});
    return history_.birth({port, 1, address.bytes, address.bytes, address.version}, at(seconds));
  }

  FilterHistory history_{Duration{300 * second}};
};

TEST_F(FilterHistoryTest, WhatPassedHasBegunNow) {
  history_.use(ports({80}), 1, std::nullopt);
  EXPECT_EQ(birth(80, 1), 1U);
  history_.use(ports({80, 443}), 4, at(2));
  EXPECT_EQ(birth(80, 3), 4U);
  EXPECT_EQ(birth(443, 3), 1U);
}

TEST_F(FilterHistoryTest, TheLatestThatLeftItOutCounts) {
  history_.use(ports({443}), 1, std::nullopt);
  history_.use(ports({80}), 2, at(1));
  history_.use(ports({80}), 3, at(1));
  history_.use(ports({80, 443}), 7, at(2));
  history_.use(ports({80, 443, 22}), 9, at(3));
  EXPECT_EQ(birth(443, 4), 3U);
  EXPECT_EQ(birth(80, 4), 1U);
  EXPECT_EQ(birth(22, 4), 7U);
}

TEST_F(FilterHistoryTest, TellsWhatMayHaveBeenMissed) {
  const IpAddress address = IpAddress::v4({192, 0, 2, 1});
  const plan::PacketFilter::Ends ends{443, 1, address.bytes, address.bytes, address.version};
  history_.use(ports({443}), 1, std::nullopt);
  history_.use(ports({80}), 3, at(1));
  EXPECT_FALSE(history_.left_out_since(ends, 1)) << "it is, at present";
  history_.use(ports({443}), 5, at(2));
  EXPECT_TRUE(history_.left_out_since(ends, 1));
  EXPECT_TRUE(history_.left_out_since(ends, 3));
  EXPECT_FALSE(history_.left_out_since(ends, 5));
}

TEST_F(FilterHistoryTest, IsForgottenWithTheTimeout) {
  history_.use(ports({80}), 1, std::nullopt);
  history_.use(ports({80, 443}), 2, at(10));
  EXPECT_EQ(birth(443, 310), 1U);
  EXPECT_EQ(birth(443, 311), 2U);
}

TEST_F(FilterHistoryTest, WhatSawNoPacketLeftNoneOut) {
  history_.use(ports({80}), 1, std::nullopt);
  history_.use(ports({443}), 2, std::nullopt);
  EXPECT_EQ(birth(443, 0), 2U);
}

TEST_F(FilterHistoryTest, ManyChangesAreTakenTogether) {
  for (std::uint16_t i = 0; i < 100; ++i) {
    history_.use(ports({80, static_cast<std::uint16_t>(1000 + i)}), i + 1U, at(i));
  }
  EXPECT_EQ(birth(80, 101), 100U) << "it passed all the time";
  EXPECT_EQ(birth(1099, 101), 99U);
  EXPECT_EQ(birth(1098, 101), 98U) << "left out by the one before the last";
  EXPECT_LE(birth(1050, 101), 99U);
  EXPECT_EQ(birth(9, 101), 99U);
}

}  // namespace
}  // namespace iris::conn
