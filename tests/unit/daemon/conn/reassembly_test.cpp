// Single situations. reassembly_property_test.cpp compares with a slow model on random ones.
#include "daemon/conn/reassembly.hpp"

#include <gtest/gtest.h>

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
    EXPECT_EQ(pool.held(), 0U);
    EXPECT_EQ(packets.alive(), 0U);
  }

  auto visitor() {
    return [this](const Piece& piece) {
      if (piece.gap > 0) yielded += "[" + std::to_string(piece.gap) + "]";
      yielded.append(piece.pdu.payload.begin(), piece.pdu.payload.end());
      latest = piece.pdu;
      return wanted;
    };
  }

  std::string push(std::uint32_t sequence, std::string_view text, int flags = 0, std::uint32_t cut = 0) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    const source::PacketRef packet = packets.make({bytes, text.size()}, ++time);
    TcpSegment segment{.pdu = {}, .cut = cut, .packet = packet};
    segment.pdu.payload = packet.bytes();
    segment.pdu.sequence = sequence;
    segment.pdu.ts = packet.ts;
    segment.pdu.flags = static_cast<std::uint8_t>(flags | tcp_flag::ack);
    yielded.clear();
    direction.push({pool, use}, segment, visitor());
    packets.release({&packet, 1});
    return yielded;
  }
  std::string flush() {
    yielded.clear();
    direction.flush({pool, use}, visitor());
    return yielded;
  }
  TestPackets packets;
  HoldPool pool{16, {.packets = 4, .bytes = 100}, packets};
  HoldUse use;
  Reassembler direction;
  std::string yielded;
  L4Pdu latest;
  std::uint64_t time = 0;
  bool wanted = true;
};

TEST_F(ReassemblyTest, IsSmall) { EXPECT_LE(sizeof(Reassembler), 32U); }

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
  EXPECT_TRUE(direction.holding());
  EXPECT_EQ(use.packets, 2U);
  EXPECT_EQ(push(100, "abc"), "abcdefghi");
  EXPECT_FALSE(direction.holding());
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

TEST_F(ReassemblyTest, AnExhaustedPoolDeclaresAGap) {
  HoldPool small(1, {}, packets);
  Reassembler other;
  HoldUse other_use;
  const source::PacketRef packet = packets.make(std::vector<std::uint8_t>{'a'});
  std::string text;
  const auto collect = [&](const Piece& piece) {
    text += std::to_string(piece.gap) + std::string(piece.pdu.payload.begin(), piece.pdu.payload.end());
    return true;
  };
  for (const std::uint32_t sequence : {0U, 10U, 20U}) {
    TcpSegment segment{.pdu = {}, .cut = 0, .packet = packet};
    segment.pdu.payload = packet.bytes();
    segment.pdu.sequence = sequence;
    other.push({small, other_use}, segment, collect);
  }
  EXPECT_EQ(text, "0a9a");
  other.release({small, other_use});
  packets.release({&packet, 1});
}

TEST_F(ReassemblyTest, HoldsNothingAtZeroLimits) {
  pool.set_limits({0, 0});
  push(99, "", tcp_flag::syn);
  EXPECT_EQ(push(102, "cd"), "[2]cd");
  EXPECT_EQ(push(100, "abcdef"), "ef");
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
  EXPECT_EQ(push(500, "x"), "x");
}

TEST_F(ReassemblyTest, OneSegmentFarAwayIsStray) {
  push(99, "", tcp_flag::syn);
  push(100, "abc");
  EXPECT_EQ(push(103 + 0x40000001U, "stray"), "");
  EXPECT_EQ(push(103, "d"), "d");
  EXPECT_EQ(push(103 - 0x50000000U, "stray"), "");
  EXPECT_EQ(push(103 + 0x60000000U, "other"), "");
  EXPECT_EQ(push(104, "e"), "e");
  EXPECT_EQ(use.packets, 0U);
}

TEST_F(ReassemblyTest, AStreamThatGoesOnFarAwayIsFollowed) {
  push(99, "", tcp_flag::syn);
  push(100, "abc");
  push(105, "fg");
  const std::uint32_t far = 103 + 0x50000000U;
  EXPECT_EQ(push(far, "lost"), "");
  EXPECT_EQ(push(far + 4, "found"), "[2]fg[" + std::to_string(far + 4 - 107) + "]found");
  EXPECT_EQ(push(far + 9, "!"), "!");
}

}  // namespace
}  // namespace iris::conn
