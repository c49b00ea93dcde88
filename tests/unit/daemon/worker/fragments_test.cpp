// Datagrams from fragments: what is put together, and what is refused, and how both are counted.
#include "daemon/worker/fragments.hpp"

#include <gmock/gmock.h>

#include <numeric>
#include <string>
#include <tuple>

#include "parsers/bytes.hpp"
#include "tests/support/fragment_packets.hpp"

namespace iris::worker {
namespace {

using fragments::Bytes;
using fragments::Holder;
using fragments::Piece;
using parsers::load16;
using parsers::packet::Decoded;
using parsers::packet::DecodeStatus;

constexpr std::uint64_t second = 1'000'000'000;

Bytes counting(std::size_t size, int from = 0) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), static_cast<std::uint8_t>(from));
  return bytes;
}

// The pieces of `bytes`, each `size` long but the last.
std::vector<Piece> cut(const Bytes& bytes, std::size_t size, const Piece& like = {}) {
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    Piece piece = like;
    piece.offset = at;
    piece.more = at + size < bytes.size();
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    piece.bytes.assign(begin, piece.more ? begin + static_cast<std::ptrdiff_t>(size) : bytes.end());
    pieces.push_back(piece);
  }
  return pieces;
}

class Datagrams : public ::testing::Test {
 protected:
  struct Whole {
    Bytes bytes;  // from the IP header on
    std::uint32_t wire_length = 0;
    Timestamp ts;

    [[nodiscard]] Bytes after(std::size_t header) const {
      return {bytes.begin() + static_cast<std::ptrdiff_t>(header), bytes.end()};
    }
  };
  struct Arrival {
    std::size_t cut = 0;
    std::uint64_t ts = 0;
    std::uint32_t tunnel = 0;
    std::uint8_t depth = 0;
  };

  ~Datagrams() override {
    if (fragments_) {
      const FragmentCounters& c = fragments_->counters();
      EXPECT_EQ(c.fragments, c.used + c.duplicates + c.malformed + c.lost + fragments_->held());
      EXPECT_EQ(holder_.in_use(), fragments_->held()) << "only what is held is kept";
    }
    fragments_.reset();
    EXPECT_EQ(holder_.in_use(), 0u);
  }

  void start(const FragmentLimits& limits = {}) { fragments_.emplace(limits, holder_); }

  std::optional<Whole> add(const Piece& piece, const Arrival& arrival) {
    return add_frame(fragments::frame_of(piece), arrival);
  }
  std::optional<Whole> add(const Piece& piece) { return add(piece, Arrival{}); }
  std::optional<Whole> add_frame(const Bytes& frame, const Arrival& arrival) {
    const source::PacketRef packet = holder_.make(frame, arrival.cut, {arrival.ts});
    Decoded decoded;
    EXPECT_EQ(decode({packet.bytes(), packet.wire_length}, decoded), DecodeStatus::fragment);
    decoded.tunnel = arrival.tunnel;
    decoded.depth = arrival.depth;
    return add_decoded(packet, decoded);
  }
  // Releases it, too.
  std::optional<Whole> add_decoded(const source::PacketRef& packet, const Decoded& decoded) {
    if (!fragments_) start();
    const std::optional<source::PacketRef> whole = fragments_->add(packet, decoded);
    holder_.release({&packet, 1});
    if (!whole) return {};
    EXPECT_EQ(whole->link, parsers::packet::LinkType::raw_ip);
    Whole result{{whole->data, whole->data + whole->length}, whole->wire_length, whole->ts};
    holder_.release({&*whole, 1});
    return result;
  }
  std::optional<Whole> add_all(const std::vector<Piece>& pieces) {
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) EXPECT_FALSE(add(pieces[i])) << i;
    return add(pieces.back());
  }
  [[nodiscard]] const FragmentCounters& counters() const { return fragments_->counters(); }

  Holder holder_;
  std::optional<Fragments> fragments_;
};

TEST_F(Datagrams, Ipv4HeaderIsThatOfTheWhole) {
  std::vector<Piece> pieces = cut(counting(1001), 480);
  pieces[0].options = {0x94, 4, 0, 0};  // router alert: copied into every fragment or not, the first has it
  Bytes first = fragments::frame_of(pieces[0]);
  first[14 + 6] |= 0x40U;  // don't fragment
  EXPECT_FALSE(add_frame(first, {.ts = 1}));
  EXPECT_FALSE(add(pieces[2], {.ts = 3}));
  const std::optional<Whole> whole = add(pieces[1], {.ts = 2});
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->after(24), counting(1001));
  EXPECT_EQ(whole->wire_length, 1025u);
  EXPECT_EQ(whole->ts, Timestamp{2}) << "of the fragment that made it whole";
  const std::uint8_t* ip = whole->bytes.data();
  EXPECT_EQ(ip[0], 0x46);
  EXPECT_EQ(load16(ip + 2), 1025);
  EXPECT_EQ(load16(ip + 4), 1) << "identification";
  EXPECT_EQ(load16(ip + 6), 0x4000) << "no fragment, and don't";
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 24; i += 2) sum += load16(ip + i);
  EXPECT_EQ((sum & 0xffffU) + (sum >> 16U), 0xffffu) << "checksum";
  EXPECT_EQ(counters().datagrams, 1u);
  EXPECT_EQ(counters().used, 3u);
  EXPECT_EQ(counters().cut_off, 0u);
}

TEST_F(Datagrams, Ipv6LosesItsFragmentHeader) {
  Piece like{.version = IpVersion::V6, .id = 0x12345678};
  like.first_extension = 0;  // hop-by-hop options, then destination options
  like.extensions = {60, 0, 1, 4, 0, 0, 0, 0, 44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  std::vector<Piece> pieces = cut(counting(100), 48, like);
  pieces[1].protocol = pieces[2].protocol = 99;  // RFC 8200, 4.5: the first's counts
  const std::optional<Whole> whole = add_all(pieces);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->wire_length, 40u + 24 + 100);
  EXPECT_EQ(load16(whole->bytes.data() + 4), 24 + 100);
  EXPECT_EQ(whole->bytes[6], 0) << "hop-by-hop first, as before";
  Bytes extensions = like.extensions;
  extensions[8] = 17;
  const Bytes rest = whole->after(40);
  EXPECT_EQ(Bytes(rest.begin(), rest.begin() + 24), extensions);
  EXPECT_EQ(whole->after(64), counting(100));
}

TEST_F(Datagrams, Ipv6WithoutOtherExtensions) {
  const std::optional<Whole> whole = add_all(cut(counting(100), 48, {.version = IpVersion::V6}));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->bytes[6], 17);
  EXPECT_EQ(whole->after(40), counting(100));
}

TEST_F(Datagrams, EveryOrderOfUpToFive) {
  for (const IpVersion version : {IpVersion::V4, IpVersion::V6}) {
    for (std::size_t count = 2; count <= 5; ++count) {
      const Bytes bytes = counting(count * 16 - 5);
      const std::vector<Piece> pieces = cut(bytes, 16, {.version = version});
      std::vector<std::size_t> order(pieces.size());
      std::iota(order.begin(), order.end(), 0);
      do {
        std::vector<Piece> shuffled;
        for (const std::size_t i : order) shuffled.push_back(pieces[i]);
        const std::optional<Whole> whole = add_all(shuffled);
        ASSERT_TRUE(whole);
        EXPECT_EQ(whole->after(version == IpVersion::V4 ? 20 : 40), bytes);
      } while (std::ranges::next_permutation(order).found);
    }
  }
  EXPECT_EQ(counters().datagrams, 2u * (2 + 6 + 24 + 120));
}

TEST_F(Datagrams, TheSmallestFragments) {
  const std::optional<Whole> whole = add_all(cut(counting(8001), 8));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->after(20), counting(8001));
}

TEST_F(Datagrams, TheLongest) {
  const Bytes bytes = counting(65535 - 20);
  const std::optional<Whole> whole = add_all(cut(bytes, 1480));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->bytes.size(), 65535u);
  EXPECT_EQ(load16(whole->bytes.data() + 2), 65535);
  EXPECT_EQ(whole->after(20), bytes);
}

TEST_F(Datagrams, TooLongWithTheFirstFragmentsHeader) {
  std::vector<Piece> pieces = cut(counting(65535 - 20), 1480);
  pieces[0].options = Bytes(4, 1);
  EXPECT_FALSE(add_all(pieces));
  EXPECT_EQ(counters().evicted, 1u);
  EXPECT_EQ(counters().lost, pieces.size());
}

TEST_F(Datagrams, PaddingDoesNotCount) {
  std::vector<Piece> pieces = cut(counting(21), 16);
  pieces[1].padding = 21;
  const std::optional<Whole> whole = add_all(pieces);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->after(20), counting(21));
}

TEST_F(Datagrams, UnderAnyLinkHeader) {
  std::optional<Whole> whole;
  for (const Piece& piece : cut(counting(40), 16)) {
    Bytes frame = fragments::frame_of(piece);
    const std::size_t network = piece.offset == 0 ? 0 : piece.offset + 3;
    frame.erase(frame.begin(), frame.begin() + 14);
    frame.insert(frame.begin(), network, 0xff);
    Decoded decoded;
    decoded.network = static_cast<std::uint16_t>(network);
    whole = add_decoded(holder_.make(frame), decoded);
  }
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->after(20), counting(40));
}

TEST_F(Datagrams, OtherDatagramsDoNotMix) {
  const Bytes bytes = counting(32);
  const std::vector<Piece> others = {{.id = 1},
                                     {.id = 2},
                                     {.host = 7},
                                     {.server = 7},
                                     {.protocol = 6},
                                     {.vlans = {5}},
                                     {.vlans = {5, 6}},
                                     {.vlans = {6, 5}},
                                     {.vlans = {1, 2, 3, 4, 5}},
                                     {.version = IpVersion::V6}};
  for (const Piece& other : others) EXPECT_FALSE(add(cut(bytes, 16, other)[0]));
  for (const Piece& other : others) {
    const std::optional<Whole> whole = add(cut(bytes, 16, other)[1]);
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->after(other.version == IpVersion::V4 ? 20 : 40), bytes);
  }
  EXPECT_EQ(counters().datagrams, others.size());
}

TEST_F(Datagrams, TunnelsDoNotMix) {
  const std::vector<Piece> pieces = cut(counting(32), 16);
  EXPECT_FALSE(add(pieces[0], {.tunnel = 7, .depth = 1}));
  EXPECT_FALSE(add(pieces[1], {.tunnel = 8, .depth = 1}));
  EXPECT_FALSE(add(pieces[1], {.tunnel = 7, .depth = 2}));
  EXPECT_FALSE(add(pieces[1]));
  EXPECT_TRUE(add(pieces[1], {.tunnel = 7, .depth = 1}));
}

TEST_F(Datagrams, TagsThatAreNotThereDoNotCount) {
  const std::vector<Piece> pieces = cut(counting(32), 16);
  for (std::size_t i : {0u, 1u}) {
    const source::PacketRef packet = holder_.make(fragments::frame_of(pieces[i]));
    Decoded decoded;
    decoded.vlans.fill(static_cast<std::uint16_t>(i));  // of the frame before
    ASSERT_EQ(decode({packet.bytes(), packet.wire_length}, decoded), DecodeStatus::fragment);
    EXPECT_EQ(add_decoded(packet, decoded).has_value(), i == 1);
  }
}

TEST_F(Datagrams, ExactDuplicatesAreIgnored) {
  const std::vector<Piece> pieces = cut(counting(42), 16);
  for (const std::size_t i : {0u, 0u, 2u, 2u, 0u}) EXPECT_FALSE(add(pieces[i]));
  const std::optional<Whole> whole = add(pieces[1]);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->after(20), counting(42));
  EXPECT_EQ(counters().duplicates, 3u);
  EXPECT_EQ(counters().used, 3u);
}

TEST_F(Datagrams, ADuplicateThatIsLateBeginsAnother) {
  const std::vector<Piece> pieces = cut(counting(32), 16);
  EXPECT_TRUE(add_all(pieces));
  EXPECT_FALSE(add(pieces[1]));
  EXPECT_EQ(fragments_->held(), 1u);
  fragments_->expire({31 * second});
  EXPECT_EQ(counters().expired, 1u);
  EXPECT_EQ(counters().lost, 1u);
}

TEST_F(Datagrams, IdentificationsAreUsedAgain) {
  for (const int from : {0, 100}) {
    const std::optional<Whole> whole = add_all(cut(counting(32, from), 16));
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->after(20), counting(32, from));
  }
}

struct Contradiction {
  std::string name;
  std::vector<Piece> before;
  Piece last;
};
void PrintTo(const Contradiction& contradiction, std::ostream* stream) { *stream << contradiction.name; }

class Contradictions : public Datagrams, public ::testing::WithParamInterface<std::tuple<Contradiction, IpVersion>> {};

TEST_P(Contradictions, EndTheDatagramAndWhatIsToCome) {
  auto [contradiction, version] = GetParam();
  for (Piece& piece : contradiction.before) {
    piece.version = version;
    EXPECT_FALSE(add(piece));
  }
  contradiction.last.version = version;
  EXPECT_FALSE(add(contradiction.last));
  EXPECT_EQ(counters().overlapping, 1u);
  EXPECT_EQ(counters().lost, contradiction.before.size() + 1);
  EXPECT_EQ(holder_.in_use(), 0u);

  const std::vector<Piece> pieces = cut(counting(64), 16, {.version = version});
  EXPECT_FALSE(add_all(pieces)) << "turned away";
  EXPECT_EQ(counters().overlapping, 1u) << "once a datagram";
  EXPECT_EQ(counters().lost, contradiction.before.size() + 1 + pieces.size());
  EXPECT_EQ(fragments_->held(), 0u);

  for (const Piece& piece : pieces) {
    EXPECT_EQ(add(piece, {.ts = 31 * second}).has_value(), !piece.more) << "the identification is free again";
  }
  EXPECT_EQ(counters().expired, 0u) << "counted already";
}

INSTANTIATE_TEST_SUITE_P(
    Of, Contradictions,
    ::testing::Combine(::testing::Values(Contradiction{"same place, other bytes",
                                                       {{.more = true, .bytes = counting(16)}},
                                                       {.more = true, .bytes = counting(16, 1)}},
                                         Contradiction{"same beginning, longer",
                                                       {{.more = true, .bytes = counting(16)}},
                                                       {.more = true, .bytes = counting(24)}},
                                         Contradiction{"same beginning, shorter",
                                                       {{.more = true, .bytes = counting(16)}},
                                                       {.more = true, .bytes = counting(8)}},
                                         Contradiction{"one unit shared",
                                                       {{.more = true, .bytes = counting(16)}},
                                                       {.offset = 8, .more = true, .bytes = counting(16)}},
                                         Contradiction{"within another",
                                                       {{.more = true, .bytes = counting(48)}},
                                                       {.offset = 16, .more = true, .bytes = counting(16)}},
                                         Contradiction{"around another",
                                                       {{.offset = 16, .more = true, .bytes = counting(16)}},
                                                       {.more = true, .bytes = counting(48)}},
                                         Contradiction{"same bytes, no longer the last",
                                                       {{.offset = 8, .bytes = counting(16)}},
                                                       {.offset = 8, .more = true, .bytes = counting(16)}},
                                         Contradiction{"another last one, further on",
                                                       {{.offset = 16, .bytes = counting(16)}},
                                                       {.offset = 40, .bytes = counting(16)}},
                                         Contradiction{"another last one, before",
                                                       {{.offset = 40, .bytes = counting(16)}},
                                                       {.offset = 16, .bytes = counting(16)}},
                                         Contradiction{"last one shortened",
                                                       {{.offset = 16, .bytes = counting(16)}},
                                                       {.offset = 16, .bytes = counting(11)}},
                                         Contradiction{"beyond the end",
                                                       {{.offset = 16, .bytes = counting(13)}},
                                                       {.offset = 32, .more = true, .bytes = counting(16)}},
                                         Contradiction{"end before what is there",
                                                       {{.offset = 32, .more = true, .bytes = counting(16)}},
                                                       {.offset = 16, .bytes = counting(13)}}),
                       ::testing::Values(IpVersion::V4, IpVersion::V6)));

TEST_F(Datagrams, WhatNoDatagramCanHave) {
  using Change = void (*)(Bytes&);
  constexpr std::size_t ip = 14;
  const std::vector<std::pair<const char*, Change>> cases = {
      {"no bytes", [](Bytes& frame) { frame[ip + 3] = 20; }},
      {"less than the header", [](Bytes& frame) { frame[ip + 3] = 23, frame[ip] = 0x46; }},
      {"a length of 0", [](Bytes& frame) { frame[ip + 3] = 0; }},
      {"not a multiple of 8 before others", [](Bytes& frame) { frame[ip + 3] = 20 + 15; }},
      {"more than the frame has", [](Bytes& frame) { frame[ip + 3] = 20 + 24; }},
      {"beyond the longest datagram", [](Bytes& frame) { frame[ip + 6] = 0x3f, frame[ip + 7] = 0xff; }},
      {"one byte beyond it", [](Bytes& frame) {
         frame[ip + 6] = 0x1f, frame[ip + 7] = 0xfd;  // 65512 + 4 + 20
         frame[ip + 3] = 24;
       }}};
  for (const auto& [name, change] : cases) {
    Bytes frame = fragments::frame_of({.more = true, .bytes = counting(16)});
    change(frame);
    const source::PacketRef packet = holder_.make(frame);
    Decoded decoded;
    decoded.network = ip;
    EXPECT_FALSE(add_decoded(packet, decoded)) << name;
    EXPECT_EQ(holder_.in_use(), 0u) << name;
  }
  EXPECT_EQ(counters().malformed, cases.size());
  EXPECT_TRUE(add_all(cut(counting(32), 16))) << "one bad fragment does not harm its datagram";
}

TEST_F(Datagrams, CutOffByTheCapture) {
  struct Case {
    std::array<std::size_t, 3> cut;  // from each fragment
    std::size_t there;
  };
  for (const auto& [cuts, there] : {Case{{0, 0, 1}, 41}, Case{{0, 0, 10}, 32}, Case{{0, 6, 0}, 26}, Case{{6, 0, 0}, 10},
                                    Case{{15, 3, 3}, 1}, Case{{16, 0, 0}, 0}, Case{{0, 16, 10}, 16}}) {
    const std::vector<Piece> pieces = cut(counting(42), 16);
    std::optional<Whole> whole;
    for (const std::size_t i : {2u, 0u, 1u}) whole = add(pieces[i], {.cut = cuts[i]});
    ASSERT_TRUE(whole);
    EXPECT_EQ(whole->after(20), counting(there));
    EXPECT_EQ(whole->wire_length, 62u);
    EXPECT_EQ(load16(whole->bytes.data() + 2), 62);
  }
  EXPECT_EQ(counters().cut_off, 7u);
}

TEST_F(Datagrams, WaitUntilTheirTimeIsOver) {
  const std::vector<Piece> pieces = cut(counting(48), 16);
  EXPECT_FALSE(add(pieces[0], {.ts = second}));
  EXPECT_FALSE(add(pieces[1], {.ts = 30 * second}));
  fragments_->expire({31 * second});
  EXPECT_EQ(fragments_->held(), 2u) << "counted from the first fragment";
  fragments_->expire({31 * second + 1});
  EXPECT_EQ(fragments_->held(), 0u);
  EXPECT_EQ(counters().expired, 1u);
  EXPECT_FALSE(add(pieces[2], {.ts = 31 * second + 2})) << "begins another";
}

TEST_F(Datagrams, ExpireAlsoByTheTimeOfFragments) {
  const std::vector<Piece> pieces = cut(counting(32), 16);
  EXPECT_FALSE(add(pieces[0], {.ts = second}));
  EXPECT_FALSE(add(pieces[1], {.ts = 31 * second + 1}));
  EXPECT_EQ(counters().expired, 1u);
}

TEST_F(Datagrams, AClockThatStepsBack) {
  const std::vector<Piece> pieces = cut(counting(32), 16);
  EXPECT_FALSE(add(pieces[0], {.ts = 1000 * second}));
  EXPECT_TRUE(add(pieces[1], {.ts = 999 * second})) << "a little";
  EXPECT_FALSE(add(pieces[0], {.ts = 1000 * second}));
  EXPECT_FALSE(add(pieces[1], {.ts = 9 * second})) << "a lot";
  EXPECT_EQ(counters().expired, 1u);
}

TEST_F(Datagrams, TheOldestMakesRoomForAnother) {
  start({.datagrams = 2});
  const auto piece = [](std::uint32_t id, std::size_t i) { return cut(counting(32), 16, {.id = id})[i]; };
  EXPECT_FALSE(add(piece(1, 0)));
  EXPECT_FALSE(add(piece(2, 0)));
  EXPECT_FALSE(add(piece(3, 0)));
  EXPECT_EQ(counters().evicted, 1u);
  EXPECT_TRUE(add(piece(3, 1)));
  EXPECT_TRUE(add(piece(2, 1)));
  EXPECT_FALSE(add(piece(1, 1)));
  EXPECT_EQ(counters().lost, 1u);
}

TEST_F(Datagrams, TheOldestMakesRoomForPackets) {
  start({.packets = 3});
  const std::vector<Piece> first = cut(counting(48), 16, {.id = 1});
  const std::vector<Piece> other = cut(counting(48), 16, {.id = 2});
  EXPECT_FALSE(add(first[0]));
  EXPECT_FALSE(add(first[1]));
  EXPECT_FALSE(add(other[0]));
  EXPECT_FALSE(add(other[1]));
  EXPECT_EQ(counters().evicted, 1u);
  EXPECT_EQ(counters().lost, 2u);
  EXPECT_TRUE(add(other[2]));
}

TEST_F(Datagrams, OfMorePacketsThanMayBeHeld) {
  start({.packets = 3});
  EXPECT_FALSE(add_all(cut(counting(96), 16)));
  EXPECT_EQ(counters().evicted, 1u);
  EXPECT_EQ(counters().lost, 6u) << "what is to come is turned away";
  EXPECT_TRUE(add_all(cut(counting(48), 16, {.id = 2})));
}

TEST_F(Datagrams, LimitsOfNothingAreOfOne) {
  start({.datagrams = 0, .packets = 0});
  EXPECT_FALSE(add_all(cut(counting(32), 16)));
  EXPECT_EQ(counters().evicted, 1u);
}

TEST_F(Datagrams, WithoutRoomAreGivenUp) {
  holder_.set_rooms(1);
  EXPECT_TRUE(add_all(cut(counting(32), 16, {.id = 1})));
  EXPECT_FALSE(add_all(cut(counting(32), 16, {.id = 2})));
  EXPECT_EQ(counters().evicted, 1u);
  EXPECT_EQ(counters().lost, 2u);
  holder_.set_rooms(1);
  EXPECT_TRUE(add_all(cut(counting(32), 16, {.id = 2})));
}

TEST_F(Datagrams, UnderLowPressureAQuarterIsHeld) {
  start({.packets = 16});
  const auto piece = [](std::uint32_t id, std::size_t i) { return cut(counting(32), 16, {.id = id})[i]; };
  for (std::uint32_t id = 1; id <= 10; ++id) EXPECT_FALSE(add(piece(id, 0)));
  holder_.set_pressure(source::Pressure::low);
  EXPECT_EQ(fragments_->held(), 10u);
  fragments_->expire({});
  EXPECT_EQ(fragments_->held(), 4u);
  EXPECT_EQ(counters().evicted, 6u);
  EXPECT_FALSE(add(piece(11, 0)));
  EXPECT_EQ(fragments_->held(), 4u);
  EXPECT_FALSE(add(piece(7, 1))) << "the oldest";
  EXPECT_TRUE(add(piece(10, 1)));
}

TEST_F(Datagrams, UnderCriticalPressureNothingIsHeld) {
  const std::vector<Piece> pieces = cut(counting(32), 16);
  EXPECT_FALSE(add(pieces[0]));
  holder_.set_pressure(source::Pressure::critical);
  fragments_->expire({});
  EXPECT_EQ(holder_.in_use(), 0u);
  EXPECT_EQ(counters().evicted, 1u);
  EXPECT_FALSE(add_all(pieces));
  EXPECT_EQ(counters().lost, 3u);
  holder_.set_pressure(source::Pressure::none);
  fragments_->expire({});
  EXPECT_TRUE(add_all(pieces)) << "it goes on where pressure ends";
}

TEST_F(Datagrams, WhatIsLeftIsReleased) {
  for (std::uint32_t id = 1; id <= 100; ++id) EXPECT_FALSE(add(cut(counting(32), 16, {.id = id})[0]));
  EXPECT_EQ(holder_.in_use(), 100u);
  fragments_.reset();
  EXPECT_EQ(holder_.in_use(), 0u);
}

}  // namespace
}  // namespace iris::worker
