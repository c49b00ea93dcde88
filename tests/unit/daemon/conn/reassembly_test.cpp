// Single situations. reassembly_property_test.cpp compares with a slow model on random ones.
#include "daemon/conn/reassembly.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "packets.hpp"

namespace iris::conn {
namespace {

// Pushes text and collects what is yielded: payload as it is, gaps as "[bytes]".
class ReassemblyTest : public ::testing::Test {
 protected:
  void TearDown() override {
    direction.release({pool, use});
    EXPECT_EQ(use.packets, 0U);
    EXPECT_EQ(use.bytes, 0U);
    EXPECT_EQ(pool.counters().held_packets, 0U);
    EXPECT_EQ(pool.counters().copied_bytes, 0U);
    EXPECT_EQ(packets.alive(), 0U);
  }

  auto visitor() {
    return [this](const L4Pdu& piece) {
      if (piece.gap > 0) yielded += "[" + std::to_string(piece.gap) + "]";
      yielded.append(piece.payload.begin(), piece.payload.end());
      latest = piece;
      latest.payload = {};
      inconsistent += piece.inconsistent;
      return wanted;
    };
  }

  std::string push(std::uint32_t sequence, std::string_view text, int flags = 0, std::uint32_t cut = 0) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    const source::PacketRef packet = packets.make({bytes, text.size()}, ++time);
    L4Pdu pdu;
    pdu.payload = packet.bytes();
    pdu.sequence = sequence;
    pdu.ts = packet.ts;
    pdu.flags = static_cast<std::uint8_t>(flags | tcp_flag::ack);
    pdu.direction = Direction::FromResponder;
    yielded.clear();
    direction.push({pool, use}, {.pdu = pdu, .cut = cut, .packet = packet}, visitor());
    packets.release({&packet, 1});
    return yielded;
  }
  std::string flush() {
    yielded.clear();
    direction.flush({pool, use}, {++time}, visitor());
    return yielded;
  }
  std::string expire(std::uint64_t now) {
    yielded.clear();
    direction.expire({pool, use}, {now}, visitor());
    return yielded;
  }
  std::optional<std::uint64_t> deadline() const {
    const auto due = direction.deadline(pool);
    return due ? std::optional(due->nanoseconds) : std::nullopt;
  }
  std::uint64_t gaps(GapReason reason) const { return pool.counters().gaps_by(reason); }
  std::uint64_t dropped() const { return pool.counters().dropped_segments; }

  static constexpr ReassemblyLimits limits{
      .packets = 4, .bytes = 100, .gap_after = {1000}, .held_packets = 16, .copied_bytes = 4 * HoldPool::chunk_bytes};
  TestPackets packets;
  HoldPool pool{limits, packets};
  HoldUse use;
  Reassembler direction;
  std::string yielded;
  L4Pdu latest;
  std::uint64_t time = 0;
  std::uint64_t inconsistent = 0;  // as the pieces say
  bool wanted = true;
};

// The same with Overlap::last and more room.
class LastCountsTest : public ReassemblyTest {
 protected:
  LastCountsTest() {
    std::destroy_at(&pool);
    std::construct_at(&pool, ReassemblyLimits{.overlap = Overlap::last}, packets);
  }
};

TEST_F(ReassemblyTest, IsSmall) { EXPECT_LE(sizeof(Reassembler), 48U); }

TEST_F(ReassemblyTest, InOrder) {
  EXPECT_FALSE(direction.started());
  EXPECT_EQ(push(99, "", tcp_flag::syn), "");
  EXPECT_TRUE(direction.started());
  EXPECT_EQ(push(100, "abc"), "abc");
  EXPECT_EQ(latest.sequence, 100U);
  EXPECT_EQ(push(103, ""), "");
  EXPECT_EQ(push(103, "def"), "def");
  EXPECT_EQ(push(106, "", tcp_flag::fin), "");
  EXPECT_TRUE(direction.finished());
  EXPECT_EQ(direction.next_sequence(), 107U);
  EXPECT_EQ(flush(), "");
}

TEST_F(ReassemblyTest, EarlySegmentsWait) {
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(106, "ghi"), "");
  EXPECT_EQ(push(103, "def"), "");
  EXPECT_TRUE(direction.waiting());
  EXPECT_EQ(use.packets, 2U);
  EXPECT_EQ(push(100, "abc"), "abcdefghi");
  EXPECT_FALSE(direction.waiting());
  EXPECT_EQ(latest.ts.nanoseconds, 2U);  // of the packet that brought "ghi"
}

TEST_F(ReassemblyTest, SequenceNumbersWrap) {
  push(0xfffffffd, "", tcp_flag::syn);
  EXPECT_EQ(push(1, "def"), "");
  EXPECT_EQ(push(0xfffffffe, "abc"), "abcdef");
  EXPECT_EQ(push(0xfffffffe, "abcdefg"), "g");
}

TEST_F(ReassemblyTest, WhatArrivedFirstCounts) {
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(100, "abc"), "abc");
  EXPECT_EQ(push(100, "XXXd"), "d");
  EXPECT_EQ(push(106, "gh"), "");
  EXPECT_EQ(push(105, "fXXi"), "");  // in two parts around what is held
  EXPECT_EQ(use.packets, 3U);
  EXPECT_EQ(use.bytes, 4U);
  EXPECT_EQ(push(104, "eXXXXj"), "efghij");
}

TEST_F(ReassemblyTest, KeepAlivesAndRetransmissionsAreHarmless) {
  push(99, "", tcp_flag::syn);
  push(100, "abc");
  EXPECT_EQ(push(102, "c"), "");
  EXPECT_EQ(push(102, ""), "");
  EXPECT_EQ(push(100, "abc"), "");
  EXPECT_EQ(push(103, "d"), "d");
}

TEST_F(ReassemblyTest, DataOnSynAndFin) {
  EXPECT_EQ(push(99, "ab", tcp_flag::syn), "ab");
  EXPECT_EQ(push(99, "ab", tcp_flag::syn), "");
  EXPECT_EQ(push(102, "c", tcp_flag::fin), "c");
  EXPECT_TRUE(direction.finished());
  EXPECT_EQ(push(102, "c", tcp_flag::fin), "");
  EXPECT_EQ(push(104, "late"), "");  // nothing comes after a FIN
}

TEST_F(ReassemblyTest, FinWaitsForWhatIsMissing) {
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(103, "de", tcp_flag::fin), "");
  EXPECT_FALSE(direction.finished());
  EXPECT_EQ(push(105, "XX"), "");
  EXPECT_EQ(push(100, "abc"), "abcde");
  EXPECT_TRUE(direction.finished());
}

TEST_F(ReassemblyTest, AFinBeforeBytesThatWereSentIsNone) {
  push(99, "", tcp_flag::syn);
  push(100, "abc");
  EXPECT_EQ(push(105, "fg"), "");
  EXPECT_EQ(push(101, "", tcp_flag::fin), "");
  EXPECT_EQ(push(106, "", tcp_flag::fin), "");
  EXPECT_EQ(push(103, "de"), "defg");
  EXPECT_FALSE(direction.finished());
  EXPECT_EQ(flush(), "");
}

TEST_F(ReassemblyTest, ANewSynMovesTheBeginningUntilSomethingWasSent) {
  push(99, "", tcp_flag::syn);
  push(4999, "", tcp_flag::syn);
  EXPECT_EQ(push(5000, "abc"), "abc");
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(5003, "d"), "d");
}

TEST_F(ReassemblyTest, MidstreamBeginsWithItsFirstSegment) {
  EXPECT_EQ(push(5000, "abc"), "abc");
  EXPECT_EQ(push(4990, "0123456789abcd"), "d");
}

TEST_F(ReassemblyTest, ResetsAreNoPartOfTheStream) {
  EXPECT_EQ(push(7, "reason", tcp_flag::rst), "");
  EXPECT_FALSE(direction.started());
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(100, "reason", tcp_flag::rst), "");
  EXPECT_EQ(push(100, "abc"), "abc");
}

TEST_F(ReassemblyTest, TooManyPacketsDeclareAGap) {
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(102, "c"), "");
  EXPECT_EQ(push(104, "e"), "");
  EXPECT_EQ(push(106, "g"), "");
  EXPECT_EQ(push(108, "i"), "");
  EXPECT_EQ(push(110, "k"), "[2]c");
  EXPECT_EQ(use.packets, 4U);
  EXPECT_EQ(push(101, "b"), "");  // too late
  EXPECT_EQ(push(103, "d"), "de");
  EXPECT_EQ(flush(), "[1]g[1]i[1]k");
}

TEST_F(ReassemblyTest, TooManyBytesDeclareAGap) {
  push(99, "", tcp_flag::syn);
  const std::string much(60, 'x');
  EXPECT_EQ(push(110, much), "");
  EXPECT_EQ(push(180, much), "[10]" + much);
  EXPECT_EQ(push(250, std::string(101, 'y')), "[10]" + much + "[10]" + std::string(101, 'y'));
  EXPECT_EQ(use.packets, 0U);
}

TEST_F(ReassemblyTest, BeyondTheHeldPacketsComeCopiesThenGaps) {
  std::destroy_at(&pool);
  std::construct_at(&pool, ReassemblyLimits{.held_packets = 1, .copied_bytes = 2 * HoldPool::chunk_bytes + 1}, packets);
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(101, "b"), "");
  EXPECT_EQ(packets.alive(), 1U);
  EXPECT_EQ(push(103, "d"), "");
  EXPECT_EQ(push(105, "f"), "");
  EXPECT_EQ(packets.alive(), 1U);
  EXPECT_EQ(pool.counters().held_packets, 1U);
  EXPECT_EQ(pool.counters().copied_bytes, 2U * HoldPool::chunk_bytes);
  EXPECT_EQ(pool.use().used, 2U * HoldPool::chunk_bytes);
  EXPECT_EQ(pool.use().reserved, 2U * HoldPool::chunk_bytes);
  EXPECT_EQ(pool.use().refused, 0U);
  EXPECT_EQ(push(107, "h"), "[1]b");  // its packet serves the next
  EXPECT_EQ(push(109, "j"), "[1]d");
  EXPECT_EQ(gaps(GapReason::pool), 2U);
  EXPECT_EQ(pool.use().refused, 2U);
  EXPECT_EQ(flush(), "[1]f[1]h[1]j");
  EXPECT_EQ(gaps(GapReason::end), 3U);
}

// The connection's own limits are no want of memory.
TEST_F(ReassemblyTest, OnlyTheWorkersLimitsRefuse) {
  push(99, "", tcp_flag::syn);
  for (std::uint32_t i = 0; i < 6; ++i) push(101 + 2 * i, "x");
  EXPECT_EQ(gaps(GapReason::packets), 2U);
  EXPECT_EQ(pool.use().refused, 0U);
  pool.set_pressure(source::Pressure::critical);
  push(100 + (1U << 25), "stray");    // nothing to keep it in
  EXPECT_EQ(pool.use().refused, 0U);  // the connection holds as much as it may
  direction.release({pool, use});
  push(99, "", tcp_flag::syn);
  push(100 + (1U << 25), "stray");
  EXPECT_EQ(pool.use().refused, 1U);
  EXPECT_EQ(gaps(GapReason::pool), 0U);
}

TEST_F(ReassemblyTest, LowPressureCopies) {
  push(99, "", tcp_flag::syn);
  push(101, "b");
  pool.set_pressure(source::Pressure::low);
  EXPECT_EQ(push(103, "d"), "");
  EXPECT_EQ(packets.alive(), 1U);
  EXPECT_EQ(push(100, "a"), "ab");
  EXPECT_EQ(packets.alive(), 0U);
  EXPECT_EQ(push(102, "c"), "cd");
  EXPECT_EQ(latest.ts.nanoseconds, 3U);
}

TEST_F(ReassemblyTest, ACopyIsMadeInChunks) {
  std::destroy_at(&pool);
  std::construct_at(&pool, ReassemblyLimits{.held_packets = 0}, packets);
  std::string jumbo(9000, 'x');
  for (std::size_t i = 0; i < jumbo.size(); ++i) jumbo[i] = static_cast<char>('a' + i * 7 % 26);
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(101, jumbo), "");
  EXPECT_EQ(use.packets, 5U);
  EXPECT_EQ(use.bytes, 9000U);
  EXPECT_EQ(push(100, "-"), "-" + jumbo);
}

TEST_F(ReassemblyTest, CriticalPressureHoldsNothing) {
  push(99, "", tcp_flag::syn);
  push(102, "c");
  pool.set_pressure(source::Pressure::critical);
  EXPECT_EQ(push(104, "e"), "[2]c[1]e");
  EXPECT_EQ(push(100, "abcdef"), "f");
  EXPECT_EQ(gaps(GapReason::pool), 2U);
}

TEST_F(ReassemblyTest, GapsAreDeclaredInTime) {
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(deadline(), std::nullopt);
  time = 99;
  push(102, "c");  // at 100
  time = 199;
  push(105, "f");
  EXPECT_EQ(deadline(), 1100U);
  EXPECT_EQ(expire(1099), "");
  EXPECT_EQ(expire(1100), "[2]c");
  EXPECT_EQ(deadline(), 1200U);
  EXPECT_EQ(push(100, "ab"), "");
  EXPECT_EQ(expire(5000), "[2]f");
  EXPECT_EQ(deadline(), std::nullopt);
  EXPECT_EQ(gaps(GapReason::time), 2U);
}

TEST_F(ReassemblyTest, TheDeadlineIsThatOfWhatIsStillHeld) {
  push(99, "", tcp_flag::syn);
  push(105, "f");  // at 2
  push(102, "c");
  EXPECT_EQ(deadline(), 1002U);
  push(100, "ab");
  EXPECT_EQ(deadline(), 1002U);
  EXPECT_EQ(push(103, "de"), "def");
  time = 499;
  push(107, "h");
  EXPECT_EQ(deadline(), 1500U);
}

TEST_F(ReassemblyTest, AFinIsWaitedForNoLonger) {
  push(99, "", tcp_flag::syn);
  push(105, "", tcp_flag::fin);
  EXPECT_EQ(deadline(), 1002U);
  EXPECT_EQ(expire(1001), "");
  EXPECT_EQ(expire(5000), "[5]");  // late
  EXPECT_EQ(latest.sequence, 105U);
  EXPECT_EQ(latest.ts.nanoseconds, 1002U);
  EXPECT_EQ(latest.direction, Direction::FromResponder);
  EXPECT_TRUE(direction.finished());
  EXPECT_EQ(deadline(), std::nullopt);
}

TEST_F(ReassemblyTest, AFinWaitsFromItsOwnArrival) {
  push(99, "", tcp_flag::syn);
  push(102, "c");  // at 2
  time = 499;
  push(105, "", tcp_flag::fin);
  EXPECT_EQ(deadline(), 1002U);
  EXPECT_EQ(expire(1002), "[2]c");
  EXPECT_EQ(deadline(), 1500U);
  EXPECT_EQ(expire(1499), "");
  EXPECT_EQ(expire(1500), "[2]");
  EXPECT_TRUE(direction.finished());
}

TEST_F(ReassemblyTest, WhatAFinWaitsForMayCloseOneGapOfTwo) {
  push(99, "", tcp_flag::syn);
  push(102, "c");
  time = 499;
  push(105, "", tcp_flag::fin);
  EXPECT_EQ(push(100, "ab"), "abc");
  EXPECT_EQ(deadline(), 1500U);
  EXPECT_EQ(push(103, "de"), "de");
  EXPECT_TRUE(direction.finished());
}

TEST_F(ReassemblyTest, TheVisitorMayHaveEnoughWhenTimeIsOver) {
  push(99, "", tcp_flag::syn);
  push(102, "c");
  push(105, "f");
  wanted = false;
  EXPECT_EQ(expire(5000), "[2]c");
  EXPECT_FALSE(direction.started());
  EXPECT_EQ(packets.alive(), 0U);
}

TEST_F(ReassemblyTest, AnotherContentIsCounted) {
  push(99, "", tcp_flag::syn);
  push(103, "defg");
  EXPECT_EQ(push(104, "eXXh"), "");
  EXPECT_EQ(direction.inconsistent_bytes(), 2U);
  EXPECT_EQ(push(100, "abcdefg"), "abcdefgh");
  EXPECT_EQ(direction.inconsistent_bytes(), 2U);
  EXPECT_EQ(inconsistent, 2U);
  EXPECT_EQ(push(100, "XXXXXXXX"), "");  // gone: not seen
  EXPECT_EQ(direction.inconsistent_bytes(), 2U);
}

TEST_F(ReassemblyTest, SegmentThatClosesTheGapIsCompared) {
  push(99, "", tcp_flag::syn);
  push(103, "de");
  EXPECT_EQ(push(100, "abcXXf"), "abcdef");
  EXPECT_EQ(inconsistent, 2U);
  EXPECT_EQ(direction.inconsistent_bytes(), 2U);
}

TEST_F(LastCountsTest, WhatArrivedLastCounts) {
  push(99, "", tcp_flag::syn);
  push(103, "defghij");
  push(105, "FGH");  // within
  EXPECT_EQ(use.packets, 3U);
  EXPECT_EQ(use.bytes, 7U);
  push(109, "JKL");  // over the end
  EXPECT_EQ(direction.inconsistent_bytes(), 4U);
  EXPECT_EQ(push(100, "abcD"), "abcDeFGHiJKL");
  EXPECT_EQ(direction.inconsistent_bytes(), 5U);
  EXPECT_EQ(push(100, "XXXXXXXXXXXXm"), "m");
}

TEST_F(LastCountsTest, ReplacesAcrossSegmentsAndCopies) {
  pool.set_pressure(source::Pressure::low);
  push(99, "", tcp_flag::syn);
  push(101, "bcd");
  push(106, "ghi");
  push(102, "CDEFGH");
  EXPECT_EQ(packets.alive(), 0U);
  EXPECT_EQ(push(100, "a"), "abCDEFGHi");
}

TEST_F(LastCountsTest, TheSameContentReplacesNothing) {
  push(99, "", tcp_flag::syn);
  push(101, "bcd");
  push(101, "bcd");
  EXPECT_EQ(packets.alive(), 1U);
  EXPECT_EQ(push(100, "a"), "abcd");
  EXPECT_EQ(latest.ts.nanoseconds, 2U);
  EXPECT_EQ(direction.inconsistent_bytes(), 0U);
}

TEST_F(ReassemblyTest, ACapturedByteBeatsOneThatWasCutOff) {
  push(99, "", tcp_flag::syn);
  push(101, "bc", 0, 4);
  push(102, "", 0, 5);
  push(104, "ef");
  EXPECT_EQ(push(100, "a"), "abc[1]ef[1]");
  EXPECT_EQ(gaps(GapReason::cut), 2U);
}

TEST_F(ReassemblyTest, KeepAlivesAreNoData) {
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(99, "X"), "");  // before any data
  push(100, "abc");
  EXPECT_EQ(push(102, "X"), "");
  push(105, "fg");
  EXPECT_EQ(push(106, "X"), "");  // before the end of what is held
  EXPECT_EQ(direction.inconsistent_bytes(), 0U);
  EXPECT_EQ(push(103, "de"), "defg");
}

TEST_F(LastCountsTest, KeepAlivesReplaceNothing) {
  push(99, "", tcp_flag::syn);
  push(101, "bc");
  push(102, "X");
  EXPECT_EQ(push(100, "a"), "abc");
  EXPECT_EQ(direction.inconsistent_bytes(), 0U);
}

TEST_F(ReassemblyTest, ZeroWindowProbesAreData) {
  push(99, "", tcp_flag::syn);
  push(100, "abc");
  EXPECT_EQ(push(103, "d"), "d");
  EXPECT_EQ(push(103, "d"), "");
  EXPECT_EQ(push(103, "def"), "ef");
}

TEST_F(ReassemblyTest, UrgentDataStaysInLine) {
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(100, "abc", tcp_flag::urg), "abc");
  EXPECT_EQ(push(103, "d"), "d");
}

TEST_F(ReassemblyTest, FastOpenDataMaySentAgain) {
  push(99, "ab", tcp_flag::syn);
  EXPECT_EQ(push(100, "abc"), "c");  // the responder had acknowledged the SYN only
}

TEST_F(ReassemblyTest, WithoutASynLateDataStillCountsWhenNothingWasDelivered) {
  EXPECT_EQ(push(5000, ""), "");     // the acknowledgement that ends the handshake
  EXPECT_EQ(push(5003, "def"), "");  // reordered
  EXPECT_EQ(push(5000, "abc"), "abcdef");
  direction.release({pool, use});
  EXPECT_EQ(push(5003, ""), "");  // sent after "abc"
  EXPECT_EQ(push(5000, "abc"), "abc");
  EXPECT_EQ(push(4990, "0123456789"), "");  // too late
}

TEST_F(ReassemblyTest, WithoutASynAKeepAliveIsNotTheBeginning) {
  push(4999, "");
  EXPECT_EQ(push(5000, "abc"), "abc");
}

TEST_F(ReassemblyTest, WithoutASynAKeepAliveWithAByteIsNotTheBeginning) {
  EXPECT_EQ(push(4999, "X"), "");
  EXPECT_EQ(push(4999, "X"), "");
  EXPECT_EQ(push(5000, "abc", tcp_flag::psh), "abc");
  direction.release({pool, use});
  EXPECT_EQ(push(4999, "X"), "");  // the probe of a closed window: then it opens
  EXPECT_EQ(push(4999, "Xabc", tcp_flag::psh), "Xabc");
  direction.release({pool, use});
  EXPECT_EQ(push(4999, "X"), "");
  EXPECT_EQ(push(5000, "", tcp_flag::fin), "");
  EXPECT_TRUE(direction.finished());
}

TEST_F(ReassemblyTest, WithoutASynAByteThatIsPushedIsTheBeginning) {
  EXPECT_EQ(push(4999, "l", tcp_flag::psh), "l");
  EXPECT_EQ(push(5000, "s", tcp_flag::psh), "s");
}

TEST_F(ReassemblyTest, WithoutASynAStrangeAcknowledgementIsNotTheBeginning) {
  push(17, "");
  EXPECT_EQ(push(3'000'000'000, "abc"), "abc");
}

TEST_F(ReassemblyTest, ASynMayComeLate) {
  push(101, "");
  push(103, "d");
  EXPECT_EQ(push(99, "", tcp_flag::syn), "");
  EXPECT_EQ(push(100, "abc"), "abcd");
}

TEST_F(ReassemblyTest, ASynAfterItsFinEndsTheStream) {
  push(100, "", tcp_flag::fin);
  EXPECT_TRUE(direction.finished());
  push(99, "", tcp_flag::syn);
  EXPECT_TRUE(direction.finished());
  EXPECT_EQ(push(101, "x"), "");
  EXPECT_EQ(dropped(), 1U);
}

TEST_F(ReassemblyTest, FlushYieldsWhatIsHeldWithItsGaps) {
  push(99, "", tcp_flag::syn);
  push(102, "c");
  push(105, "", tcp_flag::fin);
  EXPECT_EQ(flush(), "[2]c[2]");
  EXPECT_EQ(latest.sequence, 105U);
  EXPECT_TRUE(direction.finished());
  EXPECT_EQ(flush(), "");
}

TEST_F(ReassemblyTest, FlushOfANewDirectionIsNothing) { EXPECT_EQ(flush(), ""); }

TEST_F(ReassemblyTest, BytesThatTheCaptureCutOffAreAGap) {
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(100, "abc", 0, 7), "abc[7]");
  EXPECT_EQ(latest.sequence, 110U);
  EXPECT_EQ(push(110, "def", 0, 7), "def[7]");
  EXPECT_EQ(push(130, "ijk", 0, 7), "");
  EXPECT_EQ(push(120, "gh", 0, 8), "gh[8]ijk[7]");
  EXPECT_EQ(push(135, "XXXXXyz"), "yz");
}

TEST_F(ReassemblyTest, VisitorThatHasEnoughReleasesEverything) {
  push(99, "", tcp_flag::syn);
  push(103, "def");
  push(107, "hij");
  EXPECT_GT(packets.alive(), 0U);
  wanted = false;
  EXPECT_EQ(push(100, "abc"), "abc");
  EXPECT_EQ(packets.alive(), 0U);
  EXPECT_EQ(use.packets, 0U);
  EXPECT_FALSE(direction.started());
  wanted = true;
  EXPECT_EQ(push(200, "later"), "later");
}

TEST_F(ReassemblyTest, ReleaseFreesPacketsAtOnce) {
  push(99, "", tcp_flag::syn);
  push(103, "def");
  EXPECT_EQ(packets.alive(), 1U);
  direction.release({pool, use});
  EXPECT_EQ(packets.alive(), 0U);
  EXPECT_EQ(push(500, "xy"), "xy");
}

TEST_F(ReassemblyTest, OneSegmentFarAwayIsStray) {
  push(99, "", tcp_flag::syn);
  push(100, "abc");
  EXPECT_EQ(push(103 + 0x40000001U, "stray"), "");
  EXPECT_EQ(push(103, "d"), "d");
  EXPECT_EQ(push(103 - 0x50000000U, "stray"), "");
  EXPECT_EQ(push(103 + 0x68000000U, "other"), "");
  EXPECT_EQ(use.packets, 1U);
  EXPECT_EQ(push(104, "e"), "e");
  EXPECT_EQ(use.packets, 0U);
  EXPECT_EQ(dropped(), 3U);
}

TEST_F(ReassemblyTest, AStreamThatGoesOnFarAwayIsFollowed) {
  push(99, "", tcp_flag::syn);
  push(100, "abc");
  push(105, "fg");
  const std::uint32_t far = 103 + 0x50000000U;
  EXPECT_EQ(push(far, "lost"), "");
  EXPECT_EQ(push(far + 4, "found"), "[2]fg[" + std::to_string(far - 107) + "]lostfound");
  EXPECT_EQ(push(far + 9, "!"), "!");
  EXPECT_EQ(gaps(GapReason::jump), 2U);
}

TEST_F(ReassemblyTest, AStrayIsKeptForATime) {
  push(99, "", tcp_flag::syn);
  push(100, "abc");
  push(0x60000000U, "far");  // at 3
  EXPECT_EQ(deadline(), 1003U);
  EXPECT_EQ(expire(1003), "");
  EXPECT_EQ(packets.alive(), 0U);
  EXPECT_EQ(push(0x60000003U, "on"), "[1610612636]on");  // known, though not kept
}

TEST_F(ReassemblyTest, WhatIsFurtherThanTheReachIsStray) {
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(100 + (1U << 24), "x"), "");  // held
  EXPECT_EQ(push(102 + (1U << 25), "y"), "");  // just beyond it
  EXPECT_EQ(push(100, "abc"), "abc");
  EXPECT_EQ(dropped(), 1U);
  EXPECT_EQ(flush(), "[16777213]x");
}

}  // namespace
}  // namespace iris::conn
