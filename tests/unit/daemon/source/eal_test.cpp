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
  EXPECT_EQ(buffers_needed({.queues = 1, .rx_descriptors = 1024, .workers = 1, .held_packets = 4096}), 8191u);
  EXPECT_EQ(buffers_needed({.queues = 1, .rx_descriptors = 64, .workers = 1, .held_packets = 0}), 8191u);
  EXPECT_EQ(buffers_needed({.queues = 16, .rx_descriptors = 4096, .workers = 8, .held_packets = 4096}), 131071u);
  EXPECT_EQ(buffers_needed({.queues = 65535, .rx_descriptors = 65535, .workers = 128}), 0x7fffffffu);
}

}  // namespace
}  // namespace iris::source
