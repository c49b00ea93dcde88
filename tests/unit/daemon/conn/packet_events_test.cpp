// Frames as authors see them. How they reach subscriptions: tests/unit/daemon/control/packets_test.cpp.
#include "daemon/conn/packet_events.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/support/bytes.hpp"
#include "tests/unit/daemon/conn/packets.hpp"

namespace iris::conn {
namespace {

using parsers::packet::Decoded;
using parsers::packet::DecodeStatus;
using support::Bytes;
using support::operator+;

const Bytes ethernet = Bytes(12) + Bytes{0x08, 0x00};

class FrameOf : public testing::Test {
 protected:
  // The frame stays valid until the next one.
  Frame frame(const Bytes& bytes, std::uint32_t cut = 0) {
    if (packet_.handle != nullptr) packets_.release({&packet_, 1});
    packet_ = packets_.make(bytes, 7);
    packet_.wire_length += cut;
    status_ = parsers::packet::decode({packet_.bytes(), packet_.wire_length, packet_.link}, decoded_);
    return frame_of(packet_, status_, decoded_);
  }
  ~FrameOf() override { packets_.release({&packet_, 1}); }

  TestPackets packets_;
  source::PacketRef packet_;
  DecodeStatus status_ = DecodeStatus::malformed;
  Decoded decoded_;  // one for all, as a worker has: what a packet leaves undefined is what one before it was
};

const Bytes tcp = Bytes{0xc3, 0x50, 0x01, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x12, 0, 9, 0, 0, 0, 0} + Bytes{'a', 'b'};

TEST_F(FrameOf, Tcp) {
  const Frame seen = frame(ethernet + support::ipv4(Transport::Tcp, tcp) + Bytes(4));
  EXPECT_EQ(seen.status, FrameStatus::transport);
  EXPECT_EQ(seen.bytes.size(), 60U);
  EXPECT_EQ(seen.wire_length, 60U);
  EXPECT_EQ(seen.ts, Timestamp{7});
  EXPECT_EQ(seen.link, LinkType::ethernet);
  EXPECT_EQ(seen.network_offset, 14);
  EXPECT_EQ(seen.transport_offset, 34);
  EXPECT_EQ(
      seen.tuple(),
      (FiveTuple{{IpAddress::v4({192, 0, 2, 1}), 50000}, {IpAddress::v4({198, 51, 100, 7}), 443}, Transport::Tcp}));
  EXPECT_EQ(seen.tcp_flags, tcp_flag::syn | tcp_flag::ack);
  EXPECT_EQ(Bytes(seen.payload.begin(), seen.payload.end()), (Bytes{'a', 'b'}));  // without the padding
  EXPECT_EQ(seen.depth, 0);
  EXPECT_TRUE(seen.vlans.empty());
}

TEST_F(FrameOf, OtherTransports) {
  (void)frame(ethernet + support::ipv4(Transport::Tcp, tcp));
  const Frame icmp = frame(ethernet + support::ipv4(Transport::Icmp, {3, 13, 0, 0, 0, 0, 0, 0}) + Bytes(18));
  EXPECT_EQ(icmp.status, FrameStatus::ip);
  EXPECT_EQ(icmp.transport, Transport::Icmp);
  EXPECT_EQ(icmp.transport_offset, 34);
  EXPECT_EQ(icmp.payload.size(), 8U);
  EXPECT_EQ(icmp.src_port, 0);
  EXPECT_EQ(icmp.tcp_flags, 0);
  ASSERT_TRUE(icmp.icmp());
  EXPECT_EQ(icmp.icmp()->code, 13);
  const Frame sctp = frame(ethernet + support::ipv4(Transport::Sctp, Bytes{0x0b, 0x59, 0x0b, 0x5a} + Bytes(12)));
  EXPECT_EQ(sctp.src_port, 2905);
  EXPECT_EQ(sctp.dst_port, 2906);
  EXPECT_EQ(sctp.payload.size(), 16U);
}

TEST_F(FrameOf, Fragments) {
  (void)frame(ethernet + support::ipv4(Transport::Udp, Bytes{0, 53, 0, 53, 0, 8, 0, 0}));
  const Frame first = frame(ethernet + support::ipv4(Transport::Tcp, tcp, 0x2000));
  EXPECT_EQ(first.status, FrameStatus::fragment);
  EXPECT_EQ(first.transport, Transport::Tcp);
  EXPECT_EQ(first.src_port, 50000);
  EXPECT_EQ(first.tcp_flags, tcp_flag::syn | tcp_flag::ack);
  EXPECT_EQ(first.payload.size(), tcp.size());
  const Frame last = frame(ethernet + support::ipv4(Transport::Tcp, tcp, 185));
  EXPECT_EQ(last.fragment_offset, 1480);
  EXPECT_EQ(last.src_port, 0);
  EXPECT_EQ(last.dst_port, 0);
  EXPECT_EQ(last.tcp_flags, 0);
  const Frame tiny = frame(ethernet + support::ipv4(Transport::Udp, {1, 2, 3}, 0x2000));
  EXPECT_EQ(tiny.src_port, 0);
}

TEST_F(FrameOf, NotIp) {
  (void)frame(ethernet + support::ipv4(Transport::Tcp, tcp));
  const Frame arp = frame(Bytes(12) + Bytes{0x81, 0x00, 0x00, 0x2a, 0x08, 0x06} + Bytes(46));
  EXPECT_EQ(arp.status, FrameStatus::not_ip);
  ASSERT_EQ(arp.vlans.size(), 1U);
  EXPECT_EQ(arp.vlans[0], 42);
  EXPECT_EQ(arp.transport, Transport{});
  EXPECT_EQ(arp.src_port, 0);
  EXPECT_TRUE(arp.payload.empty());
  EXPECT_FALSE(arp.tuple());
}

TEST_F(FrameOf, NothingButBytes) {
  (void)frame(ethernet + support::ipv4(Transport::Tcp, tcp));
  const Frame cut = frame(ethernet + Bytes{0x45, 0}, 40);
  EXPECT_EQ(cut.status, FrameStatus::truncated);
  EXPECT_TRUE(cut.is_truncated());
  EXPECT_EQ(cut.bytes.size(), 16U);
  EXPECT_EQ(cut.network_offset, 0);
  EXPECT_FALSE(cut.has_ip());
  const Frame contradictory = frame(ethernet + Bytes{0x65, 0} + Bytes(30));
  EXPECT_EQ(contradictory.status, FrameStatus::malformed);
  EXPECT_EQ(contradictory.dst_port, 0);
}

TEST_F(FrameOf, AnyBytesOfAnyLinkType) {
  std::mt19937 random(11);
  const std::vector<Bytes> samples{
      ethernet + support::ipv4(Transport::Tcp, tcp), ethernet + support::ipv4(Transport::Udp, tcp, 0x2000),
      ethernet + support::ipv4(Transport::Icmp, Bytes{3, 3, 0, 0, 0, 0, 0, 0} + support::ipv4(Transport::Udp, tcp)),
      Bytes(12) + Bytes{0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 0, 64} + Bytes(32) + Bytes{44, 0, 0, 0, 0, 0, 0, 0, 58, 0} +
          Bytes(22)};
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = samples[random() % samples.size()];
    for (unsigned changes = random() % 4; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    bytes.resize(1 + random() % bytes.size());
    const Frame seen = frame(bytes, random() % 2 == 0 ? 0 : 100);
    const auto* end = seen.bytes.data() + seen.bytes.size();
    if (!seen.payload.empty()) ASSERT_LE(seen.payload.data() + seen.payload.size(), end);
    ASSERT_LE(seen.transport_offset, seen.bytes.size());
    ASSERT_EQ(seen.has_ip(), seen.tuple().has_value());
    (void)seen.quoted();
  }
}

}  // namespace
}  // namespace iris::conn
