// Random streams against a model that remembers each byte. IRIS_REASSEMBLY_CASES says how many of each kind (100,000),
// IRIS_REASSEMBLY_SEED where the seeds begin (1); a failure names its seed.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "daemon/conn/reassembly.hpp"
#include "packets.hpp"
#include "reassembly_model.hpp"

namespace iris::conn {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// Runs `test(random)` for each seed, until one fails.
template <class Test>
void for_each_case(Test&& test) {
  const std::uint64_t first = setting("IRIS_REASSEMBLY_SEED", 1);
  const std::uint64_t cases = setting("IRIS_REASSEMBLY_CASES", 100'000);
  for (std::uint64_t seed = first; seed < first + cases; ++seed) {
    Random random(seed);
    test(random);
    if (::testing::Test::HasFailure()) {
      std::cout << "reproduce with IRIS_REASSEMBLY_CASES=1 IRIS_REASSEMBLY_SEED=" << seed << '\n';
      return;
    }
  }
}

// The real thing, its pieces taken apart into positions.
class Subject {
  auto visitor() {
    return [this](const L4Pdu& piece) {
      if (got_.empty()) began_ = static_cast<std::int32_t>(piece.sequence - piece.gap - first_);
      const auto at = static_cast<std::uint32_t>(began_) + static_cast<std::uint32_t>(got_.size());
      EXPECT_EQ(piece.sequence, first_ + at + piece.gap);
      EXPECT_TRUE(piece.gap > 0 || !piece.payload.empty());
      EXPECT_LE(piece.inconsistent, piece.payload.size());
      got_.insert(got_.end(), piece.gap, Got{missing, 0});
      for (const std::uint8_t byte : piece.payload) got_.push_back({byte, piece.ts.nanoseconds});
      inconsistent_ += piece.inconsistent;
      return true;
    };
  }

 public:
  Subject(TestPackets& packets, HoldPool& pool, std::uint32_t first_sequence)
      : packets_(packets), pool_(pool), first_(first_sequence) {}
  ~Subject() {
    direction_.release({pool_, use_});
    EXPECT_EQ(use_.packets, 0U);
    EXPECT_EQ(use_.bytes, 0U);
    EXPECT_EQ(pool_.counters().held_packets, 0U);
    EXPECT_EQ(pool_.counters().copied_bytes, 0U);
    EXPECT_EQ(packets_.alive(), 0U);
  }

  std::vector<Got> push(const Sent& sent) {
    const source::PacketRef packet = packets_.make(sent.bytes, sent.number);
    L4Pdu pdu;
    pdu.payload = packet.bytes();
    pdu.ts = packet.ts;
    pdu.flags = sent.flags;
    pdu.sequence = first_ + static_cast<std::uint32_t>(sent.at) - (sent.has(tcp_flag::syn) ? 1 : 0);
    got_.clear();
    direction_.push({pool_, use_}, {.pdu = pdu, .cut = sent.cut, .packet = packet}, visitor());
    packets_.release({&packet, 1});
    return got_;
  }
  std::vector<Got> flush() {
    got_.clear();
    direction_.flush({pool_, use_}, {}, visitor());
    return got_;
  }
  std::vector<Got> expire(std::uint64_t now) {
    got_.clear();
    direction_.expire({pool_, use_}, {now}, visitor());
    return got_;
  }
  // When everything that waits is due.
  std::vector<Got> expire_all() { return expire(std::uint64_t{1} << 62); }

  [[nodiscard]] std::int64_t next() const {
    return static_cast<std::int32_t>(direction_.next_sequence() - first_) - (direction_.finished() ? 1 : 0);
  }
  // Position of the first byte or gap that the latest call delivered.
  [[nodiscard]] std::int64_t began() const { return began_; }
  [[nodiscard]] const Reassembler& direction() const { return direction_; }
  [[nodiscard]] const HoldUse& use() const { return use_; }
  [[nodiscard]] std::uint64_t inconsistent() const { return inconsistent_; }

 private:
  TestPackets& packets_;
  HoldPool& pool_;
  const std::uint32_t first_;
  HoldUse use_;
  Reassembler direction_;
  std::vector<Got> got_;
  std::int64_t began_ = 0;
  std::uint64_t inconsistent_ = 0;
};

// Of what arrived last it is not compared which of several equal bytes counts.
void expect_same(std::vector<Got> got, std::vector<Got> expected, Overlap overlap) {
  if (overlap == Overlap::last) {
    for (auto* list : {&got, &expected}) {
      for (Got& one : *list) one.number = 0;
    }
  }
  EXPECT_TRUE(got == expected) << got.size() << " positions, " << expected.size() << " expected";
}

// Sequence numbers that wrap within the stream, in every third case.
std::uint32_t first_sequence(Random& random) {
  const auto any = static_cast<std::uint32_t>(random());
  return random() % 3 == 0 ? 0U - any % 400 : any;
}

void compare(Random& random, TestPackets& packets, HoldPool& pool) {
  const Overlap overlap = pool.limits().overlap;
  const Habits habits{.lies = random() % 2 == 0, .cuts = random() % 3 == 0, .loses = random() % 4 != 0};
  const Traffic traffic = TrafficMaker(random, habits).make();
  Subject subject(packets, pool, first_sequence(random));
  Model model(overlap);
  for (const Sent& sent : traffic.segments) {
    pool.set_pressure(random() % 4 == 0 ? source::Pressure::low : source::Pressure::none);
    expect_same(subject.push(sent), model.push(sent), overlap);
    if (subject.direction().started()) EXPECT_EQ(subject.next(), model.next());
    EXPECT_EQ(subject.direction().finished(), model.finished());
    EXPECT_EQ(subject.direction().inconsistent_bytes(), model.inconsistent());
    if (::testing::Test::HasFailure()) return;
  }
  expect_same(random() % 2 == 0 ? subject.flush() : subject.expire_all(), model.flush(), overlap);
  if (subject.direction().started()) EXPECT_EQ(subject.next(), model.next());
  EXPECT_EQ(subject.direction().finished(), model.finished());
  EXPECT_FALSE(subject.direction().waiting());
  EXPECT_EQ(subject.inconsistent() > 0, model.inconsistent() > 0);
}

ReassemblyLimits roomy(Overlap overlap) {
  return {.packets = 1000,
          .bytes = 1U << 20,
          .gap_after = {1'000'000},
          .held_packets = 1000,
          .copied_bytes = 1000 * HoldPool::chunk_bytes,
          .overlap = overlap};
}

TEST(ReassemblyPropertyTest, IsWhatTheModelSaysWhenTheFirstCounts) {
  TestPackets packets;
  HoldPool pool(roomy(Overlap::first), packets);
  for_each_case([&](Random& random) { compare(random, packets, pool); });
}

TEST(ReassemblyPropertyTest, IsWhatTheModelSaysWhenTheLastCounts) {
  TestPackets packets;
  HoldPool pool(roomy(Overlap::last), packets);
  for_each_case([&](Random& random) { compare(random, packets, pool); });
}

// Without room for everything gaps may be anywhere, but each position comes once, in order, and each byte is right.
void check_order(Random& random, TestPackets& packets, HoldPool& pool) {
  const Traffic traffic = TrafficMaker(random, {.cuts = random() % 3 == 0, .loses = random() % 2 == 0}).make();
  Subject subject(packets, pool, first_sequence(random));
  std::optional<std::int64_t> at;
  const auto check = [&](const std::vector<Got>& got) {
    if (got.empty()) return;
    EXPECT_EQ(at.value_or(subject.began()), subject.began());
    at = subject.began();
    for (const Got& one : got) {
      if (one.byte != missing) EXPECT_EQ(one.byte, traffic.stream.at(static_cast<std::size_t>(*at)));
      ++*at;
    }
    EXPECT_EQ(*at, subject.next());
  };
  for (const Sent& sent : traffic.segments) {
    pool.set_pressure(static_cast<source::Pressure>(random() % 8 < 6 ? 0 : 1 + random() % 2));
    check(subject.push(sent));
    if (random() % 4 == 0) check(subject.expire(sent.number));
    EXPECT_LE(subject.use().packets, pool.limits().packets);
    EXPECT_LE(subject.use().bytes, pool.limits().bytes);
    EXPECT_LE(pool.counters().copied_bytes, pool.limits().copied_bytes);
    if (::testing::Test::HasFailure()) return;
  }
  check(subject.flush());
  EXPECT_EQ(subject.direction().inconsistent_bytes(), 0U);
}

TEST(ReassemblyPropertyTest, IsRightWithinAnyLimits) {
  TestPackets packets;
  std::vector<std::unique_ptr<HoldPool>> pools;
  for (const std::uint32_t room : {0U, 1U, 2U, 3U, 5U, 8U}) {
    for (const Overlap overlap : {Overlap::first, Overlap::last}) {
      for (const std::uint32_t tight : {0U, 1U, 2U, 3U}) {
        const ReassemblyLimits limits{.packets = tight == 0 ? room : 1000,
                                      .bytes = tight == 1 ? 20 * room : 10'000,
                                      .gap_after = {tight == 2 ? std::int64_t{room} : 1'000'000},
                                      .held_packets = tight == 3 ? room : 1000,
                                      .copied_bytes = tight == 3 ? room * HoldPool::chunk_bytes : 1U << 20,
                                      .overlap = overlap};
        pools.push_back(std::make_unique<HoldPool>(limits, packets));
      }
    }
  }
  for_each_case([&](Random& random) { check_order(random, packets, *pools[random() % pools.size()]); });
}

}  // namespace
}  // namespace iris::conn
