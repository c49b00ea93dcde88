// Random streams, cut, doubled, overlapped, reordered and lost at random, against a model that remembers each byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "daemon/conn/reassembly.hpp"
#include "packets.hpp"

namespace iris::conn {
namespace {

using Random = std::mt19937_64;

// Part of a stream. Positions count from 0, the first byte after the SYN.
struct Sent {
  std::int64_t at = 0;
  std::vector<std::uint8_t> bytes;
  std::uint32_t cut = 0;
  std::uint8_t flags = tcp_flag::ack;
  std::uint64_t number = 0;  // order of arrival, from 1

  [[nodiscard]] std::int64_t end() const { return at + static_cast<std::int64_t>(bytes.size()) + cut; }
};

// A yielded position: a byte, or `missing`; and the packet that brought it.
struct Got {
  int byte;
  std::uint64_t number;
  bool operator==(const Got&) const = default;
};
constexpr int missing = -1;

// Each byte in order, as soon as all before it are there, as it arrived first; without limits.
class Model {
 public:
  std::vector<Got> push(const Sent& sent) {
    const bool syn = (sent.flags & tcp_flag::syn) != 0;
    if (!begun_ || (syn && !delivered_ && bytes_.empty())) {
      next_ = sent.at;
      fin_ = -1;
    }
    begun_ = true;
    for (std::int64_t at = std::max(sent.at, next_); at < sent.end(); ++at) {
      const auto i = static_cast<std::size_t>(at - sent.at);
      bytes_.try_emplace(at, i < sent.bytes.size() ? Got{sent.bytes[i], sent.number} : Got{missing, 0});
    }
    if ((sent.flags & tcp_flag::fin) != 0) fin_ = sent.end();
    std::vector<Got> got;
    take(got);
    return got;
  }
  std::vector<Got> flush() {
    std::vector<Got> got;
    while (!bytes_.empty()) {
      for (; next_ < bytes_.begin()->first; ++next_) got.push_back({missing, 0});
      take(got);
    }
    for (; next_ < fin_; ++next_) got.push_back({missing, 0});
    return got;
  }
  [[nodiscard]] std::int64_t next() const { return next_; }
  [[nodiscard]] bool finished() const { return fin_ == next_; }

 private:
  void take(std::vector<Got>& got) {
    while (!bytes_.empty() && bytes_.begin()->first == next_) {
      got.push_back(bytes_.begin()->second);
      bytes_.erase(bytes_.begin());
      ++next_;
      delivered_ = true;
    }
  }

  std::map<std::int64_t, Got> bytes_;
  std::int64_t next_ = 0;
  std::int64_t fin_ = -1;
  bool begun_ = false;
  bool delivered_ = false;
};

std::int64_t below(Random& random, std::int64_t bound) {
  return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound));
}

struct Traffic {
  std::vector<std::uint8_t> stream;
  std::vector<Sent> segments;  // in order of arrival
};

struct Habits {
  bool lies = false;  // retransmissions carry other bytes than the first transmission
  bool cuts = false;  // the capture has the beginnings of some packets only
};

Traffic make_traffic(Random& random, Habits habits) {
  Traffic traffic;
  traffic.stream.resize(static_cast<std::size_t>(below(random, 400)));
  for (auto& byte : traffic.stream) byte = static_cast<std::uint8_t>(random());
  const auto length = static_cast<std::int64_t>(traffic.stream.size());
  const std::int64_t most = 1 + below(random, 60);

  const auto add = [&](std::int64_t at, std::int64_t count) {
    Sent sent;
    sent.at = at;
    const std::int64_t cut = habits.cuts && random() % 3 == 0 ? below(random, count + 1) : 0;
    sent.bytes.assign(traffic.stream.begin() + at, traffic.stream.begin() + at + count - cut);
    sent.cut = static_cast<std::uint32_t>(cut);
    if (at == 0 && random() % 4 == 0) sent.flags |= tcp_flag::syn;  // with data
    if (at + count == length && random() % 2 == 0) sent.flags |= tcp_flag::fin;
    traffic.segments.push_back(std::move(sent));
  };
  if (random() % 4 != 0) traffic.segments.push_back({.bytes = {}, .flags = tcp_flag::syn});
  for (std::int64_t at = 0; at < length;) {
    const std::int64_t count = std::min(1 + below(random, most), length - at);
    if (random() % 10 != 0) add(at, count);
    at += count;
  }
  if (random() % 4 != 0)
    traffic.segments.push_back({.at = length, .bytes = {}, .flags = tcp_flag::fin | tcp_flag::ack});
  for (std::int64_t extra = below(random, 12); extra > 0 && length > 0; --extra) {
    const std::int64_t at = below(random, length);
    const std::int64_t count = std::min(below(random, 2 * most), length - at);  // 0: a pure acknowledgement
    add(at, count);
    if (habits.lies) {
      for (auto& byte : traffic.segments.back().bytes) byte ^= 0x5a;
    }
    const auto from = static_cast<std::ptrdiff_t>(traffic.segments.size() - 1);
    const auto to = static_cast<std::ptrdiff_t>(below(random, from + 1));
    std::rotate(traffic.segments.begin() + to, traffic.segments.begin() + from, traffic.segments.end());
  }
  const std::size_t swaps = random() % 3 == 0 ? 0 : random() % 20;
  for (std::size_t i = 0; i < swaps && traffic.segments.size() > 1; ++i) {
    const std::size_t a = random() % traffic.segments.size();
    const std::size_t b = std::min(a + random() % 8, traffic.segments.size() - 1);
    std::swap(traffic.segments[a], traffic.segments[b]);
  }
  std::uint64_t number = 0;
  for (Sent& sent : traffic.segments) sent.number = ++number;
  return traffic;
}

// The real thing, its pieces taken apart into positions.
class Subject {
 public:
  Subject(std::uint32_t first_sequence, HoldLimits limits) : first_(first_sequence), pool_(1000, limits, packets_) {}
  ~Subject() {
    direction_.release({pool_, use_});
    EXPECT_EQ(use_.packets, 0U);
    EXPECT_EQ(use_.bytes, 0U);
    EXPECT_EQ(pool_.held(), 0U);
    EXPECT_EQ(packets_.alive(), 0U);
  }

  std::vector<Got> push(const Sent& sent) {
    const source::PacketRef packet = packets_.make(sent.bytes, sent.number);
    TcpSegment segment{.pdu = {}, .cut = sent.cut, .packet = packet};
    segment.pdu.payload = packet.bytes();
    segment.pdu.ts = packet.ts;
    segment.pdu.flags = sent.flags;
    const bool syn = (sent.flags & tcp_flag::syn) != 0;
    segment.pdu.sequence = first_ + static_cast<std::uint32_t>(sent.at) - (syn ? 1U : 0U);
    got_.clear();
    direction_.push({pool_, use_}, segment, [this](const Piece& piece) { return take(piece); });
    packets_.release({&packet, 1});
    return got_;
  }
  std::vector<Got> flush() {
    got_.clear();
    direction_.flush({pool_, use_}, [this](const Piece& piece) { return take(piece); });
    return got_;
  }
  [[nodiscard]] std::int64_t next() const {
    const std::uint32_t after_fin = direction_.finished() ? 1 : 0;
    return static_cast<std::int32_t>(direction_.next_sequence() - after_fin - first_);
  }
  [[nodiscard]] bool finished() const { return direction_.finished(); }
  [[nodiscard]] const HoldUse& use() const { return use_; }

 private:
  bool take(const Piece& piece) {
    EXPECT_TRUE(piece.gap > 0 || !piece.pdu.payload.empty());
    for (std::uint32_t i = 0; i < piece.gap; ++i) got_.push_back({missing, 0});
    for (const std::uint8_t byte : piece.pdu.payload) got_.push_back({byte, piece.pdu.ts.nanoseconds});
    return true;
  }

  std::uint32_t first_;
  TestPackets packets_;
  HoldPool pool_;
  HoldUse use_;
  Reassembler direction_;
  std::vector<Got> got_;
};

std::uint32_t first_sequence(Random& random) {
  return random() % 3 == 0 ? static_cast<std::uint32_t>(0U - random() % 400) : static_cast<std::uint32_t>(random());
}

TEST(ReassemblyProperty, AgreesWithTheModel) {
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Traffic traffic = make_traffic(random, {.lies = seed % 2 == 0, .cuts = seed % 4 == 1});
    Subject subject(first_sequence(random), {.packets = 1000, .bytes = 1 << 20});
    Model model;
    for (const Sent& sent : traffic.segments) {
      SCOPED_TRACE("packet " + std::to_string(sent.number));
      ASSERT_EQ(subject.push(sent), model.push(sent));
      ASSERT_EQ(subject.next(), model.next());
      ASSERT_EQ(subject.finished(), model.finished());
    }
    ASSERT_EQ(subject.flush(), model.flush());
    ASSERT_EQ(subject.finished(), model.finished());
    ASSERT_EQ(subject.use().packets, 0U);
  }
}

// Within limits: every position once and in order, the true byte or a gap, and a gap only for what had not come.
TEST(ReassemblyProperty, KeepsItsWordWithinLimits) {
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const Traffic traffic = make_traffic(random, {});
    const HoldLimits limits{.packets = static_cast<std::uint32_t>(random() % 6),
                            .bytes = static_cast<std::uint32_t>(random() % 120)};
    Subject subject(first_sequence(random), limits);
    std::vector<bool> arrived(traffic.stream.size(), false);
    std::int64_t at = 0;
    bool begun = false;
    bool delivered = false;
    const auto check = [&](const std::vector<Got>& got) {
      for (const Got& each : got) {
        ASSERT_LT(at, static_cast<std::int64_t>(traffic.stream.size()));
        const auto i = static_cast<std::size_t>(at++);
        if (each.byte == missing) {
          ASSERT_FALSE(arrived[i]) << i;
        } else {
          ASSERT_EQ(each.byte, traffic.stream[i]) << i;
        }
      }
    };
    for (const Sent& sent : traffic.segments) {
      const bool movable = !delivered && subject.use().packets == 0;
      const std::vector<Got> got = subject.push(sent);
      if (!begun || (movable && (sent.flags & tcp_flag::syn) != 0)) {
        at = subject.next() - static_cast<std::int64_t>(got.size());
      }
      begun = true;
      delivered |= !got.empty();
      for (std::size_t i = 0; i < sent.bytes.size(); ++i) {
        // What comes after it was given up is lost.
        if (sent.at + static_cast<std::int64_t>(i) >= at) arrived[static_cast<std::size_t>(sent.at) + i] = true;
      }
      check(got);
      ASSERT_EQ(at, subject.next());
      ASSERT_LE(subject.use().packets, limits.packets);
      ASSERT_LE(subject.use().bytes, limits.bytes);
    }
    check(subject.flush());
    ASSERT_EQ(at, subject.next());
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace iris::conn
