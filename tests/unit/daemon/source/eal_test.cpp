// Starting DPDK, and being told why it does not start. What can be tried only once a process is tried in one of its
// own.
#include "daemon/source/eal.hpp"

#include <gmock/gmock.h>
#include <rte_lcore.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/unit/daemon/source/eal_environment.hpp"

namespace iris::source {
namespace {

using ::testing::AllOf;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

// Starts DPDK in a process of its own, which prints the error and exits with 1, or with 0.
[[noreturn]] void start_and_exit(const std::vector<std::string>& arguments) {
  const Result<std::unique_ptr<Eal>> eal = Eal::start(arguments);
  if (!eal) std::fprintf(stderr, "[%s]", eal.error().message.c_str());
  std::_Exit(eal ? 0 : 1);
}

std::vector<std::string> with(std::vector<std::string> more) {
  std::vector<std::string> arguments = test_arguments();
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

class EalDeathTest : public ::testing::Test {
 protected:
  EalDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(EalDeathTest, StartsWithoutAWord) { EXPECT_EXIT(start_and_exit(test_arguments()), ExitedWithCode(0), "^$"); }

TEST_F(EalDeathTest, UnknownArgument) {
  EXPECT_EXIT(start_and_exit(with({"--nohuge"})), ExitedWithCode(1),
              AllOf(HasSubstr("eal.arguments (--no-huge --no-shconf"),
                    HasSubstr("--nohuge): DPDK does not start: unrecognized option '--nohuge']")));
}

TEST_F(EalDeathTest, WrongValue) {
  EXPECT_EXIT(start_and_exit(with({"--lcores", "nonsense"})), ExitedWithCode(1),
              HasSubstr("DPDK does not start: EAL: invalid parameter for --lcores]"));
}

TEST_F(EalDeathTest, FailsOnlyOnce) {
  const auto twice = [] {
    if (Eal::start(with({"--nohuge"}))) std::_Exit(2);
    start_and_exit(test_arguments());
  };
  EXPECT_EXIT(twice(), ExitedWithCode(1), HasSubstr("[DPDK was started before in this process]"));
}

TEST(EalArguments, NoHugeAndInMemoryExcludeEachOther) {
  const std::vector<std::string> arguments = {"--no-huge", "--in-memory"};
  const Result<std::unique_ptr<Eal>> eal = Eal::start(arguments);
  ASSERT_FALSE(eal);
  EXPECT_EQ(eal.error().code, ErrorCode::invalid);
  EXPECT_THAT(eal.error().message, HasSubstr("--no-huge and --in-memory exclude each other"));
}

TEST(EalArguments, ThatWouldEndTheProcess) {
  for (const char* option : {"-h", "--help", "-v", "--version"}) {
    const std::vector<std::string> arguments = {"--no-huge", option};
    const Result<std::unique_ptr<Eal>> eal = Eal::start(arguments);
    ASSERT_FALSE(eal);
    EXPECT_EQ(eal.error().message, std::string("eal.arguments: ") + option + " has no place in a daemon: remove it");
  }
}

class EalStarted : public WithEal {};

TEST_F(EalStarted, CannotBeStartedAgain) {
  const Result<std::unique_ptr<Eal>> again = Eal::start(test_arguments());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::exists);
}

TEST_F(EalStarted, AThreadHasAnLcoreForItsLife) {
  for (int i = 0; i < 300; ++i) {  // more than there are lcores
    std::thread([] {
      ASSERT_EQ(rte_lcore_id(), LCORE_ID_ANY);
      {
        const EalThread thread;
        ASSERT_TRUE(thread.registered());
        ASSERT_NE(rte_lcore_id(), LCORE_ID_ANY);
        EXPECT_FALSE(EalThread().registered()) << "a thread has one at a time";
      }
      ASSERT_EQ(rte_lcore_id(), LCORE_ID_ANY);
    }).join();
  }
}

TEST_F(EalDeathTest, LeavesTheThreadItsCpus) {
  const auto compare = [] {
    cpu_set_t before{};
    cpu_set_t after{};
    sched_getaffinity(0, sizeof before, &before);
    const auto eal = Eal::start(test_arguments());
    sched_getaffinity(0, sizeof after, &after);
    std::_Exit(eal && CPU_EQUAL(&before, &after) ? 0 : 1);
  };
  EXPECT_EXIT(compare(), ExitedWithCode(0), "");
}

class PoolTest : public WithEal {};

TEST_F(PoolTest, HasAsManyBuffersAsAskedFor) {
  EXPECT_EQ(pool_->buffers(), 2047u);
  EXPECT_EQ(pool_->in_use(), 0u);
}

TEST_F(PoolTest, TooLargeForMemory) {
  const Result<std::unique_ptr<Pool>> pool = Pool::create({.buffers = 1u << 20, .buffer_size = 2048});
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().code, ErrorCode::exhausted);
  EXPECT_THAT(pool.error().message,
              AllOf(HasSubstr("the 1048576 packet buffers of 2048 bytes (2312 MB) could not be allocated: there "
                              "is not enough memory; give DPDK more"),
                    HasSubstr("lower mempool.buffers")));
}

TEST(BuffersNeeded, CountsAllWhoHoldSome) {
  PoolDemand demand{.queues = 1, .rx_descriptors = 64, .workers = 1, .held_packets = 0, .fragments = 0};
  EXPECT_EQ(buffers_needed(demand), 8191U);  // the fewest
  demand = {.queues = 2, .rx_descriptors = 8000, .workers = 1, .held_packets = 0, .fragments = 0};
  EXPECT_EQ(buffers_needed(demand), 32767U);
  demand.workers = 20;  // their bursts and caches
  EXPECT_EQ(buffers_needed(demand), 65535U);
  demand = {.queues = 1, .rx_descriptors = 64, .workers = 4, .held_packets = 5000, .fragments = 0};
  EXPECT_EQ(buffers_needed(demand), 32767U);
  demand.fragments = 5000;
  EXPECT_EQ(buffers_needed(demand), 65535U);
  demand.handed_over = 5000;
  EXPECT_EQ(buffers_needed(demand), 131071U);
  EXPECT_EQ(buffers_needed({.queues = 65535, .rx_descriptors = 65535, .workers = 128}), 0x7fffffffU);
}

TEST(BuffersNeeded, LeavesAQuarterFreeWhenAllAreHeld) {
  for (std::uint32_t workers = 1; workers <= 128; workers *= 2) {
    const PoolDemand demand{
        .queues = 2 * workers, .rx_descriptors = 4096, .workers = workers, .handed_over = workers * 512};
    const std::uint64_t held = std::uint64_t{2 * workers} * 4096 + workers * (64 + 384 + 4096 + 4096 + workers * 512);
    EXPECT_GE((buffers_needed(demand) - held) * 4, buffers_needed(demand)) << workers;
  }
}

TEST(PressureAt, BeginsSoonerThanItEnds) {
  struct Case {
    std::uint32_t free;
    Pressure before;
    Pressure now;
  };
  for (const auto& [free, before, now] : std::initializer_list<Case>{{1000, Pressure::none, Pressure::none},
                                                                     {250, Pressure::none, Pressure::none},
                                                                     {249, Pressure::none, Pressure::low},
                                                                     {299, Pressure::low, Pressure::low},
                                                                     {300, Pressure::low, Pressure::none},
                                                                     {100, Pressure::low, Pressure::low},
                                                                     {99, Pressure::low, Pressure::critical},
                                                                     {0, Pressure::none, Pressure::critical},
                                                                     {149, Pressure::critical, Pressure::critical},
                                                                     {150, Pressure::critical, Pressure::low},
                                                                     {299, Pressure::critical, Pressure::low},
                                                                     {300, Pressure::critical, Pressure::none}}) {
    EXPECT_EQ(pressure_at(free, 1000, before), now) << free;
  }
  EXPECT_EQ(pressure_at(0xffffffffU, 0xffffffffU, Pressure::none), Pressure::none);
}

TEST_F(PoolTest, WhatIsFreeIsEverybodys) {
  EXPECT_EQ(pool_->free(), 2047U);
  std::array<rte_mbuf*, 1000> packets{};
  ASSERT_EQ(rte_pktmbuf_alloc_bulk(pool_->packets(), packets.data(), packets.size()), 0);
  EXPECT_LE(pool_->free(), 1047U);
  EXPECT_GE(pool_->free(), 1047U - 512U);  // some went to the thread's cache with them
  rte_pktmbuf_free_bulk(packets.data(), packets.size());
  EXPECT_EQ(pool_->in_use(), 0U);
}

TEST_F(PoolTest, ANodeThatIsNotThereIsNoReasonToFail) {
  const Result<std::unique_ptr<Pool>> pool = Pool::create({.buffers = 127, .node = 7});
  ASSERT_TRUE(pool) << pool.error().message;
  EXPECT_EQ((*pool)->free(), 127U);
}

}  // namespace
}  // namespace iris::source
