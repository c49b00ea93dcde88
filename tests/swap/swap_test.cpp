// Promise number one: no swap loses a packet or a connection's state. Subscriptions come and go a thousand times while
// a source delivers as fast as the worker takes it; a resident subscription checks every packet of every connection.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "daemon/worker/worker.hpp"
#include "tests/support/conversations.hpp"
#include "tests/support/rig.hpp"

namespace iris {
namespace {

// Each connection's packets must come in order, each once, from its SYN to its end. Totals so far go out with every
// 1,000th connection, and with every one that input's end cuts short.
constexpr const char* witness = R"(
#include <iris/iris.hpp>
#include <cstring>
struct Totals { std::uint64_t connections, packets, errors; };
static Totals totals{};
struct IRIS_CALLBACK("tcp") Witness {
  std::uint64_t next = 0;
  IRIS_ON(InL4Conn) void update(const iris::L4Pdu& pdu) {
    ++totals.packets;
    if (pdu.payload.size() == 64) {
      std::uint64_t number = 0;
      std::memcpy(&number, pdu.payload.data(), sizeof number);
      if (number != next) ++totals.errors;
    }
    if (next == 0 && (pdu.flags & iris::tcp_flag::syn) == 0) ++totals.errors;
    ++next;
  }
  IRIS_ON(L4Terminated) void end(const iris::ConnRecord& record) {
    ++totals.connections;
    if (next != record.originator.packets + record.responder.packets) ++totals.errors;
    if (totals.connections % 1000 == 0 || record.end == iris::EndReason::end_of_input) iris::emit(totals);
  }
};
)";

// What comes and goes: a session callback, a connection's end, and per-packet state.
constexpr const char* visitors[] = {
    R"(#include <iris/iris.hpp>
struct Name { std::string_view sni; };
IRIS_CALLBACK("tls.sni contains 'nothing'") void name(const iris::TlsHandshake& tls) { iris::emit(Name{tls.sni()}); }
)",
    R"(#include <iris/iris.hpp>
struct Ended { std::uint64_t packets; };
IRIS_CALLBACK("tcp.port = 443 and ipv4.addr in 10.0.0.0/30") void ended(const iris::ConnRecord& record) {
  iris::emit(Ended{record.originator.packets});
}
)",
    R"(#include <iris/iris.hpp>
struct Volume { std::uint64_t bytes; };
struct IRIS_CALLBACK("not udp") Count {
  std::uint64_t bytes = 0;
  IRIS_ON(InL4Stream) void update(const iris::L4Pdu& pdu) { bytes += pdu.payload.size(); }
  IRIS_ON(L4Terminated) void end() { if (bytes == 1) iris::emit(Volume{bytes}); }
};
)"};

double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  double all = 0;
  double resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

unsigned cycles() {
  const char* wanted = std::getenv("IRIS_SWAP_CYCLES");
  return wanted != nullptr ? static_cast<unsigned>(std::stoul(wanted)) : 1000;
}

TEST(SwapTest, LosesNothingWhileSubscriptionsComeAndGo) {
  support::Conversations traffic({.conversations = 2000, .packets = 50, .seed = 7});
  source::MemorySource source([&](std::span<source::PacketRef> burst) { return traffic.generate(burst); });
  support::Rig rig(source, {.capacity = 1U << 18});
  control::Registry& registry = rig.registry();
  const auto resident = registry.add("witness", {"witness.cpp", witness});
  ASSERT_TRUE(resident.has_value()) << resident.error().message;
  worker::Worker worker({.number = 0,
                         .idle = worker::Idle::yield,
                         .real_time = true,
                         .source = source,
                         .publisher = rig.publisher(),
                         .tracker = rig.tracker()});
  std::jthread thread([&](const std::stop_token& stop) { worker.run(stop); });

  const unsigned count = cycles();
  double settled = 0;
  std::vector<double> total_ms;
  for (unsigned cycle = 0; cycle < count; ++cycle) {
    const auto added = registry.add("visitor", {"visitor.cpp", visitors[cycle % std::size(visitors)]});
    ASSERT_TRUE(added.has_value()) << added.error().message;
    total_ms.push_back(added->total_ms);
    const auto removed = registry.remove("visitor");
    ASSERT_TRUE(removed.has_value()) << removed.error().message;
    if (cycle == count / 10) settled = resident_megabytes();
  }
  const double grown = resident_megabytes();
  thread.request_stop();
  thread.join();
  const auto& counters = rig.tracker().counters();
  const nlohmann::json totals = rig.events("witness").back();
  std::ranges::sort(total_ms);
  std::printf("%u cycles, %.1f M packets, %.1f M connections; add to live: median %.1f ms; RSS %.1f -> %.1f MiB\n",
              count, static_cast<double>(counters.packets.load()) / 1e6,
              static_cast<double>(counters.begun.load()) / 1e6, total_ms[total_ms.size() / 2], settled, grown);

  EXPECT_EQ(counters.table_full.load(), 0U);
  EXPECT_EQ(counters.packets.load(), source.counters().packets);
  EXPECT_EQ(counters.begun.load(), traffic.begun());
  EXPECT_EQ(counters.ended.load(), counters.begun.load());
  EXPECT_EQ(totals["errors"], 0);
  EXPECT_EQ(totals["connections"], traffic.begun());
  EXPECT_EQ(totals["packets"], source.counters().packets);
  EXPECT_EQ(registry.list().size(), 1U);
#if !defined(__has_feature) || !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
  EXPECT_NEAR(grown, settled, settled * 0.02);
#endif
}

}  // namespace
}  // namespace iris
