#include "daemon/conn/meter.hpp"

#include <gtest/gtest.h>

namespace iris::conn {
namespace {

class MeterTest : public testing::Test {
 protected:
  // So many more; returns how many of them were samples.
  unsigned occasions(unsigned count) {
    unsigned samples = 0;
    for (unsigned i = 0; i < count; ++i) {
      const Occurring occurring(meter_);
      ++occasions_;
      if (!meter_.is_on()) continue;
      ++samples;
      weights_ += meter_.weight();
      EXPECT_EQ(weights_, occasions_) << "a sample stands for itself and those since the one before";
    }
    return samples;
  }

  Meter meter_;
  std::uint64_t occasions_ = 0;
  std::uint64_t weights_ = 0;
};

TEST_F(MeterTest, SamplesAreEverFewer) {
  EXPECT_EQ(occasions(8), 8U);
  EXPECT_GT(occasions(100), 20U);
  (void)occasions(100'000);
  EXPECT_NEAR(occasions(128'000), 1000, 50);
}

TEST_F(MeterTest, SamplesAreManyAfterAChange) {
  (void)occasions(100'000);
  meter_.renew();
  weights_ = occasions_ = 0;
  EXPECT_EQ(occasions(8), 8U);
  (void)occasions(10'000);
  meter_.renew();
  meter_.renew();
  weights_ = occasions_ = 0;
  EXPECT_EQ(occasions(8), 8U);
}

TEST_F(MeterTest, CyclesCountAsOftenAsTheSampleStandsFor) {
  (void)occasions(100'000);
  std::uint64_t spent = 0;
  while (spent == 0) {
    const Occurring occurring(meter_);
    Doing doing(meter_, Work::callbacks);
    spent = doing.done();
  }
  EXPECT_EQ(spent % meter_.weight(), 0U);
  EXPECT_EQ(meter_.cycles(Work::callbacks), spent);
}

}  // namespace
}  // namespace iris::conn
