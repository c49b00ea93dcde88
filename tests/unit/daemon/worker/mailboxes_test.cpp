// Several workers: each packet is taken exactly once, by its owner, whoever received it; references come out even.
#include "daemon/worker/mailboxes.hpp"

#include <gmock/gmock.h>

#include <array>
#include <string>
#include <thread>

#include "daemon/worker/intake.hpp"
#include "tests/unit/daemon/worker/frames.hpp"

namespace iris::worker {
namespace {

using namespace test;

TEST(SpscQueue, KeepsOrderBetweenTwoThreads) {
  using Value = std::array<std::uint64_t, 3>;
  constexpr std::uint64_t values = 300'000;
  SpscQueue<Value> queue(64);
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < values; ++i) {
      while (!queue.put({i, ~i, i * 3})) std::this_thread::yield();
    }
  });
  Value value{};
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < values; ++i) {
    while (!queue.take(value)) std::this_thread::yield();
    if (value != Value{i, ~i, i * 3}) ++wrong;
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_FALSE(queue.take(value));
}

TEST(SpscQueue, RefusesWhatItHasNoRoomFor) {
  SpscQueue<int> queue(3);
  ASSERT_EQ(queue.capacity(), 4U);
  for (int pass = 0; pass < 3; ++pass) {
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(queue.put(i));
    EXPECT_FALSE(queue.put(4));
    int value = 0;
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(queue.take(value));
      EXPECT_EQ(value, i);
    }
    EXPECT_FALSE(queue.take(value));
  }
}

TEST(Mailboxes, OneWorkerHasNone) {
  EXPECT_EQ(Mailboxes::capacity(1), 0U);
  EXPECT_GT(Mailboxes::capacity(2), 0U);
  const Mailboxes mailboxes(source::Owner(1));
}

constexpr std::uint32_t workers = 3;

class Workers : public testing::Test {
 protected:
  Workers() { make(false); }
  void make(bool spread_by_owner) {
    spread_ = spread_by_owner;
    intakes_.clear();
    for (std::uint32_t i = 0; i < workers; ++i) {
      intakes_.push_back(std::make_unique<Intake>(
          IntakeOptions{}, packets_,
          Neighbours{.mailboxes = &mailboxes_, .worker = i, .spread_by_owner = spread_by_owner}));
    }
  }
  void TearDown() override {
    intakes_.clear();
    mailboxes_.clear(packets_);
    EXPECT_EQ(packets_.alive(), 0U) << "not every reference was released";
  }

  void note(std::uint32_t worker, std::span<const conn::Arrival> arrivals) {
    for (const conn::Arrival& arrival : arrivals) {
      EXPECT_TRUE(spread_ || mailboxes_.owner().of(arrival.decoded) == worker);
      const auto payload = arrival.decoded.payload(arrival.packet.bytes());
      seen_[worker].emplace_back(payload.begin(), payload.end());
    }
  }
  void receive(std::uint32_t worker, const std::vector<Bytes>& frames) {
    std::vector<source::PacketRef> burst;
    for (const Bytes& frame : frames) burst.push_back(packets_.make(frame));
    note(worker, intakes_[worker]->take(burst));
    packets_.release(burst);
  }
  // Until nothing waits; a datagram put together may belong elsewhere again.
  void hand_over() {
    for (int pass = 0; pass < 4; ++pass) {
      for (std::uint32_t i = 0; i < workers; ++i) {
        for (auto some = intakes_[i]->take_handed_over(); !some.empty(); some = intakes_[i]->take_handed_over()) {
          note(i, some);
        }
      }
    }
  }
  [[nodiscard]] std::uint64_t handed_over() const {
    std::uint64_t sum = 0;
    for (const auto& intake : intakes_) sum += intake->counters().handed_over;
    return sum;
  }
  [[nodiscard]] std::size_t count(std::string_view payload) const {
    std::size_t sum = 0;
    for (const auto& seen : seen_) sum += static_cast<std::size_t>(std::ranges::count(seen, payload));
    return sum;
  }

  Packets packets_;
  Mailboxes mailboxes_{source::Owner(workers)};
  std::vector<std::unique_ptr<Intake>> intakes_;
  std::array<std::vector<std::string>, workers> seen_;  // payloads
  bool spread_ = false;
};

Bytes numbered(std::uint16_t port, std::uint32_t n) {
  return ethernet(ipv4(17, udp(port, 53, text(std::to_string(n)))));
}

TEST_F(Workers, TakeWhatTheyOwnWhoeverReceivedIt) {
  std::vector<Bytes> frames;
  for (std::uint32_t n = 0; n < 60; ++n) frames.push_back(numbered(static_cast<std::uint16_t>(n % 20 + 1), n));
  receive(0, frames);
  hand_over();
  std::size_t all = 0;
  for (const auto& seen : seen_) {
    EXPECT_FALSE(seen.empty());
    EXPECT_TRUE(std::ranges::is_sorted(seen, {}, [](const std::string& number) { return std::stoi(number); }));
    all += seen.size();
  }
  EXPECT_EQ(all, 60U);
  EXPECT_EQ(handed_over(), 60 - seen_[0].size());
}

TEST_F(Workers, LookAtNothingThatTheDeviceHasSpread) {
  make(true);
  for (std::uint16_t port = 1; port <= 30; ++port) receive(1, {numbered(port, port)});
  hand_over();
  EXPECT_EQ(seen_[1].size(), 30U);
  EXPECT_EQ(handed_over(), 0U);
}

TEST_F(Workers, TakeTheInsideOfTunnelsByItsOwnTuple) {
  make(true);  // the outer packets come where they belong
  for (std::uint16_t port = 1; port <= 30; ++port) {
    const Bytes inside = ethernet(ipv4(6, tcp(port, 443, text("inside"))));
    receive(1, {ethernet(ipv4(17, udp(1000, 4789, vxlan(1, inside))))});
  }
  hand_over();
  EXPECT_EQ(count("inside"), 30U);
  for (const auto& seen : seen_) EXPECT_GT(std::ranges::count(seen, "inside"), 0);
  EXPECT_EQ(std::ranges::count(seen_[1], "inside") + 30, std::ssize(seen_[1])) << "all outer layers stay";
}

TEST_F(Workers, PutFragmentsTogetherThatWereSprayed) {
  for (const bool spread : {false, true}) {
    make(spread);
    for (auto& seen : seen_) seen.clear();
    for (std::uint16_t port = 1; port <= 20; ++port) {
      const Ends ends{.from = static_cast<std::uint8_t>(7 * port), .to = 200};
      const auto [one, two] = halves(17, udp(port, 53, text("put together")), 16, ends);
      receive(port % workers, {ethernet(one)});
      receive((port + 1U) % workers, {ethernet(two)});
    }
    hand_over();
    EXPECT_EQ(count("put together"), 20U);
    for (const auto& seen : seen_) EXPECT_FALSE(seen.empty());
  }
}

TEST_F(Workers, LoseAndCountWhatTheOwnerIsTooFarBehindFor) {
  std::uint16_t port = 0;  // of a connection that worker 1 owns
  for (std::uint32_t owner = 0; owner != 1;) {
    const Bytes frame = numbered(++port, 0);
    parsers::packet::Decoded decoded;
    ASSERT_EQ(parsers::packet::decode({frame, frame.size()}, decoded), parsers::packet::DecodeStatus::ok);
    owner = mailboxes_.owner().of(decoded);
  }
  const std::uint32_t room = Mailboxes::capacity(workers) / (workers - 1);
  for (std::uint32_t n = 0; n < room + 10; ++n) receive(0, {numbered(port, n)});
  EXPECT_EQ(intakes_[0]->counters().handed_over, room);
  EXPECT_EQ(intakes_[0]->counters().lost_in_hand_over, 10U);
  hand_over();
  EXPECT_EQ(seen_[1].size(), room);
  receive(0, {numbered(port, 0)});
  EXPECT_EQ(intakes_[0]->counters().lost_in_hand_over, 10U) << "there is room again";
}

}  // namespace
}  // namespace iris::worker
