// Random traffic of fragments, with all that goes wrong with them, against the reference: the same datagrams, byte for
// byte, and the same counts after every fragment.
#include <gtest/gtest.h>

#include <random>

#include "daemon/worker/fragments.hpp"
#include "tests/support/fragment_reference.hpp"

namespace iris::worker {
namespace {

using fragments::Bytes;
using fragments::Holder;
using fragments::Piece;
using fragments::Reference;
using parsers::packet::Decoded;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t end) { return engine_() % end; }
  bool one_in(std::size_t times) { return below(times) == 0; }
  Bytes bytes(std::size_t size) {
    Bytes bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine_());
    return bytes;
  }
  template <class Range>
  void shuffle(Range& range) {
    std::ranges::shuffle(range, engine_);
  }

 private:
  std::mt19937 engine_;
};

struct Sent {
  Piece piece;
  std::size_t cut = 0;
};

// A datagram's fragments as they might arrive: mostly all of them, in any order, at times with something wrong.
std::vector<Sent> datagram(Random& random) {
  const Bytes bytes = random.bytes(9 + random.below(200));
  Piece piece{.version = random.one_in(3) ? IpVersion::V6 : IpVersion::V4,
              .id = static_cast<std::uint32_t>(random.below(4)),
              .host = static_cast<std::uint8_t>(random.below(2))};
  std::vector<Sent> sent;
  for (std::size_t at = 0; at < bytes.size(); at += piece.bytes.size()) {
    const std::size_t left = bytes.size() - at;
    std::size_t size = 8 * (1 + random.below(8));
    if (at == 0) size = std::min(size, (left - 1) / 8 * 8);
    piece.offset = at;
    piece.more = size < left;
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    piece.bytes.assign(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, left)));
    if (random.one_in(40)) continue;  // lost
    sent.push_back({piece, random.one_in(30) ? random.below(piece.bytes.size() + 1) : 0});
    if (random.one_in(8)) sent.push_back({piece});
    if (random.one_in(60)) {
      Piece wrong = piece;
      switch (random.below(4)) {
        case 0:
          wrong.bytes[random.below(wrong.bytes.size())] ^= 1U;
          break;
        case 1:
          wrong.offset += 8;
          break;
        case 2:
          wrong.more = true, wrong.bytes.resize(8 * (1 + random.below(4)));
          break;
        default:
          wrong.more = false, wrong.offset += 8, wrong.bytes.resize(1 + random.below(30));
          break;
      }
      sent.push_back({wrong});
    }
  }
  if (!random.one_in(3)) random.shuffle(sent);
  return sent;
}

class Comparison {
 public:
  explicit Comparison(const FragmentLimits& limits) : fragments_(limits, holder_), reference_(limits) {}

  void expire(Timestamp now, source::Pressure pressure) {
    holder_.set_pressure(pressure);
    fragments_.expire(now);
    reference_.expire(now);
    reference_.set_pressure(pressure);
    compare();
  }

  void add(const Sent& sent, Timestamp now) {
    const source::PacketRef packet = holder_.make(fragments::frame_of(sent.piece), sent.cut, now);
    Decoded decoded;
    ASSERT_EQ(decode({packet.bytes(), packet.wire_length}, decoded), parsers::packet::DecodeStatus::fragment);
    const std::uint64_t key = std::uint64_t{sent.piece.id} << 16U | std::uint64_t{sent.piece.host} << 8U |
                              static_cast<unsigned>(sent.piece.version);
    const std::optional<Bytes> expected = reference_.add(key, sent.piece, sent.cut, now);
    const std::optional<source::PacketRef> whole = fragments_.add(packet, decoded);
    holder_.release({&packet, 1});
    ASSERT_EQ(whole.has_value(), expected.has_value());
    if (whole) {
      const std::size_t header = sent.piece.version == IpVersion::V4 ? 20 : 40;
      EXPECT_EQ(Bytes(whole->data + header, whole->data + whole->length), *expected);
      holder_.release({&*whole, 1});
    }
    compare();
  }

  void compare() {
    const FragmentCounters& ours = fragments_.counters();
    const FragmentCounters& theirs = reference_.counters();
    EXPECT_EQ(fragments_.held(), reference_.held());
    EXPECT_EQ(holder_.in_use(), reference_.held());
    EXPECT_EQ(ours.fragments, ours.used + ours.duplicates + ours.malformed + ours.lost + fragments_.held());
    EXPECT_EQ(ours.used, theirs.used);
    EXPECT_EQ(ours.duplicates, theirs.duplicates);
    EXPECT_EQ(ours.malformed, 0u);
    EXPECT_EQ(ours.lost, theirs.lost);
    EXPECT_EQ(ours.datagrams, theirs.datagrams);
    EXPECT_EQ(ours.cut_off, theirs.cut_off);
    EXPECT_EQ(ours.expired, theirs.expired);
    EXPECT_EQ(ours.evicted, theirs.evicted);
    EXPECT_EQ(ours.overlapping, theirs.overlapping);
  }
  [[nodiscard]] const FragmentCounters& counters() const { return fragments_.counters(); }

 private:
  Holder holder_;
  Fragments fragments_;
  Reference reference_;
};

class RandomFragments : public ::testing::TestWithParam<unsigned> {};

TEST_P(RandomFragments, AreWhatTheReferenceMakesOfThem) {
  Random random(GetParam());
  const bool narrow = random.one_in(2);
  Comparison comparison(
      {.datagrams = narrow ? 3U : 64U, .packets = narrow ? 12U : 512U, .timeout = {1000}, .seed = GetParam()});
  Timestamp now{1'000'000};
  std::vector<std::vector<Sent>> under_way(6);
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) {
    now.nanoseconds += random.below(20) + (random.one_in(200) ? 900 : 0);
    std::vector<Sent>& next = under_way[random.below(under_way.size())];
    if (next.empty()) next = datagram(random);
    if (next.empty()) continue;
    comparison.add(next.back(), now);
    next.pop_back();
    if (random.one_in(50)) {
      const bool pressed = random.one_in(4);
      comparison.expire(now, !pressed           ? source::Pressure::none
                             : random.one_in(3) ? source::Pressure::critical
                                                : source::Pressure::low);
    }
  }
  EXPECT_GT(comparison.counters().datagrams, 50u);
  EXPECT_GT(comparison.counters().overlapping, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFragments, ::testing::Range(0U, 40U));

}  // namespace
}  // namespace iris::worker
