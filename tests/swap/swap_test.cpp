// Promise number one: no swap loses a packet or a connection's state. Subscriptions come and go a thousand times while
// a source delivers as fast as the worker takes it; a resident subscription checks every packet of every connection.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "daemon/worker/worker.hpp"
#include "tests/support/conversations.hpp"
#include "tests/support/process.hpp"
#include "tests/support/rig.hpp"

namespace iris {
namespace {

// Each connection's packets must come in order, each once, from its SYN to its end. Totals so far go out with every
// 1,000th connection, and with the last ones.
constexpr const char* witness = R"(
#include <iris/iris.hpp>
#include <cstring>
struct Totals { std::uint64_t connections, packets, errors; };
static Totals totals{};
static std::uint64_t live = 0;
struct IRIS_CALLBACK("tcp") Witness {
  std::uint64_t next = 0;
  IRIS_ON(InL4Conn) void update(const iris::L4Pdu& pdu) {
    ++totals.packets;
    if (pdu.payload.size() == 64) {
      std::uint64_t number = 0;
      std::memcpy(&number, pdu.payload.data(), sizeof number);
      if (number != next) ++totals.errors;
    }
    if (next == 0) ++live;
    if (next == 0 && (pdu.flags & iris::tcp_flag::syn) == 0) ++totals.errors;
    ++next;
  }
  IRIS_ON(L4Terminated) void end(const iris::ConnRecord& record) {
    ++totals.connections;
    if (next != record.originator.packets + record.responder.packets) ++totals.errors;
    if (--live < 10 || totals.connections % 1000 == 0) iris::emit(totals);
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

unsigned cycles() {
  const char* wanted = std::getenv("IRIS_SWAP_CYCLES");
  return wanted != nullptr ? static_cast<unsigned>(std::stoul(wanted)) : 1000;
}

class SwapTest : public testing::Test {
 protected:
  SwapTest() {
    const auto resident = registry_.add("witness", {"witness.cpp", witness});
    if (!resident) throw std::runtime_error(resident.error().message);
    thread_ = std::jthread([this](const std::stop_token& stop) { worker_.run(stop); });
  }

  // Ends the traffic, and compares what the witness saw with what was sent.
  void stop_and_compare() {
    thread_.request_stop();
    thread_.join();
    const auto& counters = rig_.tracker().counters();
    const nlohmann::json totals = rig_.events("witness").back();
    std::printf("%.1f M packets, %.1f M connections\n", static_cast<double>(counters.packets.load()) / 1e6,
                static_cast<double>(counters.begun.load()) / 1e6);
    EXPECT_EQ(counters.evicted.load() + counters.evicted_half_open.load(), 0U);
    EXPECT_EQ(counters.packets.load(), source_.counters().packets);
    EXPECT_EQ(counters.begun.load(), traffic_.begun());
    EXPECT_EQ(counters.ended.load(), counters.begun.load());
    EXPECT_EQ(totals["errors"], 0);
    EXPECT_EQ(totals["connections"], traffic_.begun());
    EXPECT_EQ(totals["packets"], source_.counters().packets);
    EXPECT_EQ(registry_.list().size(), 1U);
  }

  support::Conversations traffic_{{.conversations = 2000, .packets = 50, .seed = 7}};
  source::MemorySource source_{[this](std::span<source::PacketRef> burst) { return traffic_.generate(burst); }};
  support::Rig rig_{source_, {.capacity = 1U << 18}};
  control::Registry& registry_ = rig_.registry();
  worker::Worker worker_{{.number = 0,
                          .idle = worker::Idle::yield,
                          .source = source_,
                          .publisher = rig_.publisher(),
                          .tracker = rig_.tracker()}};
  std::jthread thread_;
};

TEST_F(SwapTest, LosesNothingWhileSubscriptionsComeAndGo) {
  const unsigned count = cycles();
  double settled = 0;
  std::vector<double> total_ms;
  for (unsigned cycle = 0; cycle < count; ++cycle) {
    const auto added = registry_.add("visitor", {"visitor.cpp", visitors[cycle % std::size(visitors)]});
    ASSERT_TRUE(added.has_value()) << added.error().message;
    total_ms.push_back(added->total_ms);
    ASSERT_TRUE(registry_.explain("visitor"));
    const auto removed = registry_.remove("visitor");
    ASSERT_TRUE(removed.has_value()) << removed.error().message;
    if (cycle == count / 10) settled = support::resident_megabytes();
  }
  const double grown = support::resident_megabytes();
  std::ranges::sort(total_ms);
  std::printf("%u cycles; add to live: median %.1f ms; RSS %.1f -> %.1f MiB\n", count, total_ms[total_ms.size() / 2],
              settled, grown);
  stop_and_compare();
#if !defined(__has_feature) || !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
  EXPECT_NEAR(grown, settled, settled * 0.02);
#endif
}

TEST_F(SwapTest, LosesNothingWhileStraightLineCodeTakesOver) {
  const unsigned count = std::min(cycles(), 25U);
  const auto is_straight = [&] { return registry_.explain({})->graphs.front().straight; };
  for (unsigned cycle = 0; cycle < count; ++cycle) {
    ASSERT_TRUE(registry_.add("visitor", {"visitor.cpp", visitors[cycle % std::size(visitors)]}));
    for (int i = 0; i < 2000 && !is_straight(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_TRUE(is_straight());
    EXPECT_EQ(rig_.publisher().current(0)->edition, 1U) << "look-ups served at first";
    ASSERT_TRUE(registry_.remove("visitor"));
  }
  stop_and_compare();
}

TEST_F(SwapTest, LosesNothingWhileSourcesAttackTheCompiler) {
  const std::string start = "#include <iris/iris.hpp>\nIRIS_CALLBACK(\"tls\") void f(const iris::FiveTuple&) {}\n";
  std::chrono::steady_clock::duration slowest{};
  for (const char* bomb : {
           "template <int N> struct A { static const int v = A<N + 1>::v; };\nint x = A<0>::v;",
           "template <int N, long M> struct F { static const long v = F<N - 1, 2 * M>::v + F<N - 1, 2 * M + 1>::v; };\n"
           "template <long M> struct F<0, M> { static const long v = 1; };\nlong x = F<40, 0>::v;",
           "constexpr int g() { for (int i = 0;; i = 1 - i) {} }\nconstexpr int x = g();",
           "#pragma clang __debug crash",
           "#pragma clang __debug overflow_stack",
           "#include \"/dev/zero\"",
       }) {
    const auto before = std::chrono::steady_clock::now();
    const auto refused = registry_.add("bomb", {"bomb.cpp", start + bomb});
    slowest = std::max(slowest, std::chrono::steady_clock::now() - before);
    ASSERT_FALSE(refused.has_value()) << bomb;
    EXPECT_NE(refused.error().message.find("bomb.cpp:"), std::string::npos) << refused.error().message;
    const auto next = registry_.add("visitor", {"visitor.cpp", visitors[0]});
    ASSERT_TRUE(next.has_value()) << next.error().message;
    ASSERT_TRUE(registry_.remove("visitor").has_value());
  }
  std::printf("slowest refusal: %.1f s\n", std::chrono::duration<double>(slowest).count());
  stop_and_compare();
}

}  // namespace
}  // namespace iris
