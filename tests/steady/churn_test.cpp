// Connections begin and end as fast as one worker can take them, some of their packets lost and some late, and nothing
// is lost of the account: at every moment as many have begun as have ended and are live, every packet belongs to one,
// and memory stays what it was. IRIS_CHURN_SECONDS says how long; the default is short.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "daemon/worker/worker.hpp"
#include "tests/support/conversations.hpp"
#include "tests/support/process.hpp"
#include "tests/support/rig.hpp"

namespace iris {
namespace {

// Keeps the books from outside: what all connections had in all, and what their streams did.
constexpr const char* accountant = R"(
#include <iris/iris.hpp>
struct Books { std::uint64_t connections, packets, payload_bytes, gap_bytes, stream_bytes, names; };
static Books books{};
static std::uint64_t live = 0;
struct IRIS_CALLBACK("tcp") Account {
  bool counted = false;
  IRIS_ON(InL4Conn) void packet() { live += counted ? 0 : 1; counted = true; }
  IRIS_ON(InL4Stream) void stream(const iris::L4Pdu& pdu) { books.stream_bytes += pdu.payload.size(); }
  IRIS_ON(L4Terminated) void end(const iris::ConnRecord& record) {
    ++books.connections;
    for (const iris::Flow* flow : {&record.originator, &record.responder}) {
      books.packets += flow->packets;
      books.payload_bytes += flow->payload_bytes;
      books.gap_bytes += flow->gap_bytes;
    }
    if (--live < 4) iris::emit(books);
  }
};
IRIS_CALLBACK("tls") void name(const iris::TlsHandshake& tls) { books.names += tls.sni().empty() ? 0 : 1; }
)";

std::chrono::seconds duration() {
  const char* wanted = std::getenv("IRIS_CHURN_SECONDS");
  return std::chrono::seconds(wanted != nullptr ? std::stoul(wanted) : 20);
}

// A tap that misses one packet in fifty and shows one in eight late. What it shows is what the account must have.
class Lossy {
 public:
  explicit Lossy(support::Conversations& traffic) : traffic_(traffic) {}

  std::size_t receive(std::span<source::PacketRef> burst) {
    const std::size_t sent = traffic_.generate(burst);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < sent; ++i) {
      random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
      if ((random_ >> 33) % 50 != 0) burst[kept++] = burst[i];
    }
    for (std::size_t i = 0; i + 8 <= kept; i += 8) std::swap(burst[i], burst[i + 7]);
    return kept;
  }

 private:
  support::Conversations& traffic_;
  std::uint64_t random_ = 1;
};

class Churn : public testing::Test {
 protected:
  // On the worker's thread, between two bursts: nothing moves.
  void audit() {
    if (++bursts_ % 64 != 0) return;
    const conn::TrackerCounters& counters = rig_.tracker().counters();
    ++audits_;
    most_live_ = std::max(most_live_, std::uint64_t{rig_.tracker().live()});
    if (counters.begun.load() != counters.ended.load() + rig_.tracker().live()) ++discrepancies_;
  }

  support::Conversations traffic_{{.conversations = 20'000, .packets = 12, .seed = 11}};
  Lossy tap_{traffic_};
  source::MemorySource source_{[this](std::span<source::PacketRef> burst) {
    audit();
    return tap_.receive(burst);
  }};
  support::Rig rig_{source_,
                    {.capacity = 1U << 20,
                     .parsers_bytes = std::uint64_t{128} << 20,
                     .state_bytes = std::uint64_t{256} << 20,
                     .prefault = true}};
  worker::Worker worker_{{.number = 0,
                          .idle = worker::Idle::yield,
                          .source = source_,
                          .publisher = rig_.publisher(),
                          .tracker = rig_.tracker()}};
  std::uint64_t bursts_ = 0;
  std::uint64_t audits_ = 0;
  std::uint64_t discrepancies_ = 0;
  std::uint64_t most_live_ = 0;
};

TEST_F(Churn, EveryConnectionIsAccountedForInTheSameMemory) {
  const auto added = rig_.registry().add("accountant", {"accountant.cpp", accountant});
  ASSERT_TRUE(added) << added.error().message;
  std::vector<double> resident;
  std::jthread thread([this](const std::stop_token& stop) { worker_.run(stop); });
  constexpr int samples = 20;
  for (int i = 0; i < samples; ++i) {
    std::this_thread::sleep_for(duration() / samples);
    resident.push_back(support::resident_megabytes());
  }
  thread.request_stop();
  thread.join();
  const conn::TrackerCounters& counters = rig_.tracker().counters();
  const nlohmann::json books = rig_.events("accountant").back();
  std::printf("%.1f M packets, %.2f M connections, at most %llu at a time; %llu evicted; RSS %.1f ... %.1f MiB; %s\n",
              static_cast<double>(counters.packets.load()) / 1e6, static_cast<double>(counters.begun.load()) / 1e6,
              static_cast<unsigned long long>(most_live_),
              static_cast<unsigned long long>(counters.evicted.load() + counters.evicted_half_open.load()),
              resident.front(), resident.back(), books.dump().c_str());
  EXPECT_GT(audits_, 100U);
  EXPECT_EQ(discrepancies_, 0U);
  EXPECT_EQ(counters.begun.load(), counters.ended.load());
  EXPECT_EQ(counters.packets.load(), source_.counters().packets);
  EXPECT_EQ(counters.unobserved.load(), 0U);
  EXPECT_EQ(books["connections"], counters.begun.load());
  EXPECT_EQ(books["packets"], counters.packets.load());
  // What is seen and missing of the streams is in them, but for what late RSTs and retransmissions would add.
  EXPECT_GT(books["gap_bytes"], 0U);
  EXPECT_LE(books["stream_bytes"], books["payload_bytes"]);
  // From the first quarter on: user code's first objects and the output's buffers have been touched by then.
  const auto [least, most] = std::ranges::minmax(std::span(resident).subspan(resident.size() / 4));
  EXPECT_LE(most, least * 1.02);
}

}  // namespace
}  // namespace iris
