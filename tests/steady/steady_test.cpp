// A worker in its steady state asks nobody for memory: connections come, are reassembled, parsed, matched, shown to
// stateful and plain callbacks, and end, in what was taken at the start.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <tuple>

#include "tests/steady/counted_malloc.hpp"
#include "tests/support/conversations.hpp"
#include "tests/support/rig.hpp"

namespace iris {
namespace {

// Nothing here allocates by itself, or emits: an event's way into its ring is the output's own matter.
constexpr const char* watchers = R"(
#include <iris/iris.hpp>
static std::uint64_t seen = 0;
struct IRIS_CALLBACK("tcp") Volume {
  std::uint64_t bytes = 0;
  std::uint8_t more[200] = {};
  IRIS_ON(InL4Conn) void update(const iris::L4Pdu& pdu) { bytes += pdu.wire_length; }
  IRIS_ON(InL4Stream) void stream(const iris::L4Pdu& pdu) { bytes += pdu.payload.size(); }
  IRIS_ON(L4Terminated) void end(const iris::ConnRecord& record) { seen += bytes + record.originator.packets; }
};
IRIS_CALLBACK("tls.sni contains 'e'") void name(const iris::TlsHandshake& tls) { seen += tls.sni().size(); }
IRIS_CALLBACK("tls") void any(const iris::TlsHandshake&, const iris::ConnRecord&) { ++seen; }
IRIS_CALLBACK("tcp.port = 443 or ipv4.addr in 10.0.0.0/9 or not udp") void ended(const iris::ConnRecord&) { ++seen; }
)";

// Holds the packets' order back now and then, so that reassembly has to keep some.
class Shuffle {
 public:
  explicit Shuffle(support::Conversations& traffic) : traffic_(traffic) {}

  std::size_t receive(std::span<source::PacketRef> burst) {
    const std::size_t count = traffic_.generate(burst);
    for (std::size_t i = 0; i + 8 < count; i += 8) std::swap(burst[i], burst[i + 7]);
    return count;
  }

 private:
  support::Conversations& traffic_;
};

// Conversations at a time, and whether straight-line code decides.
class Steady : public testing::TestWithParam<std::tuple<std::uint32_t, bool>> {
 protected:
  void run(std::uint32_t bursts) {
    std::array<source::PacketRef, conn::max_burst> burst;
    for (std::uint32_t i = 0; i < bursts; ++i) {
      const std::span received = std::span(burst).first(order_.receive(burst));
      rig_.process(received);
      rig_.tracker().expire(received.back().ts, 128);
      source_.release(received);
    }
  }

  // Of 64 conversations at a time a connection's own packets are often exchanged, of many others'.
  support::Conversations traffic_{{.conversations = std::get<0>(GetParam()), .packets = 30, .seed = 3}};
  Shuffle order_{traffic_};
  source::MemorySource source_{[](std::span<source::PacketRef>) { return std::size_t{0}; }};
  support::Rig rig_{source_,
                    {.capacity = 1U << 17},
                    std::get<1>(GetParam()) ? control::Straighten::at_once : control::Straighten::never};
};

TEST_P(Steady, NothingAllocatesOnThePacketPath) {
  if (!steady::counts_malloc) GTEST_SKIP() << "the sanitizer has its own malloc";
  const auto added = rig_.registry().add("watchers", {"watchers.cpp", watchers});
  ASSERT_TRUE(added) << added.error().message;
  rig_.adopt();
  run(20'000);  // lists that belong to the worker, not to a connection, reach their size
  const conn::TrackerCounters& counters = rig_.tracker().counters();
  const std::uint64_t begun = counters.begun.load();
  const std::uint64_t before = steady::allocations();
  run(20'000);
  EXPECT_EQ(steady::allocations(), before);
  EXPECT_GT(before, 0U);                              // it does count
  EXPECT_GT(counters.begun.load() - begun, 20'000U);  // whole lives of connections
  EXPECT_EQ(counters.evicted.load() + counters.evicted_half_open.load(), 0U);
  EXPECT_EQ(counters.unobserved.load(), 0U);
  const conn::TrackerMemory memory = rig_.tracker().memory();
  for (const conn::MemoryUse& use : {memory.table, memory.cold, memory.arenas, memory.blocks}) {
    EXPECT_GT(use.used, 0U);
    EXPECT_LE(use.used, use.reserved);
    EXPECT_EQ(use.refused, 0U);
  }
  rig_.finish();
  const conn::TrackerMemory after = rig_.tracker().memory();
  for (const conn::MemoryUse& use : {after.table, after.cold, after.arenas, after.blocks, after.copies}) {
    EXPECT_EQ(use.used, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Conversations, Steady, testing::Combine(testing::Values(64U, 20'000U), testing::Bool()));

// With less memory than the traffic wants, connections lose what they have no room for, and nothing else.
TEST(Scarce, EveryPacketIsStillAccountedFor) {
  support::Conversations traffic({.conversations = 2000, .packets = 30, .seed = 4});
  source::MemorySource source([](std::span<source::PacketRef>) { return std::size_t{0}; });
  support::Rig rig(source, {.capacity = 1500, .parser_bytes = 4096, .parsers_bytes = 64 << 10, .state_bytes = 4 << 10});
  const auto added = rig.registry().add("watchers", {"watchers.cpp", watchers});
  ASSERT_TRUE(added) << added.error().message;
  std::array<source::PacketRef, conn::max_burst> burst;
  for (int i = 0; i < 5000; ++i) {
    const std::span received = std::span(burst).first(traffic.generate(burst));
    rig.process(received);
    rig.tracker().expire(received.back().ts, 128);
  }
  const conn::TrackerMemory memory = rig.tracker().memory();
  EXPECT_GT(memory.arenas.refused, 0U);
  EXPECT_GT(memory.blocks.refused, 0U);
  EXPECT_GT(rig.tracker().counters().evicted.load(), 0U);
  EXPECT_EQ(rig.tracker().counters().packets.load(), traffic.packets());
  rig.finish();
  EXPECT_EQ(rig.tracker().counters().begun.load(), rig.tracker().counters().ended.load());
  const conn::TrackerMemory after = rig.tracker().memory();
  for (const conn::MemoryUse& use : {after.table, after.cold, after.arenas, after.blocks}) EXPECT_EQ(use.used, 0U);
}

}  // namespace
}  // namespace iris
