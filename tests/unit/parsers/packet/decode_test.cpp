#include "parsers/packet/decode.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/parsers/packet/frames.hpp"

namespace iris::parsers::packet {
namespace {

using namespace test;

TEST(Decode, TcpOverIpv4) {
  const Bytes frame = ethernet(0x0800) + ipv4(6, tcp(hello));
  const auto [status, decoded] = decode_whole(frame);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.src_ip, IpAddress::v4(client4).bytes);
  EXPECT_EQ(decoded.dst_ip, IpAddress::v4(server4).bytes);
  EXPECT_EQ(decoded.version, IpVersion::V4);
  EXPECT_EQ(decoded.transport, Transport::Tcp);
  EXPECT_EQ(decoded.src_port, 50000);
  EXPECT_EQ(decoded.dst_port, 443);
  EXPECT_EQ(decoded.sequence, 0x01020304U);
  EXPECT_EQ(decoded.acknowledgement, 0x05060708U);
  EXPECT_EQ(decoded.flags, tcp_flag::ack | tcp_flag::psh);
  EXPECT_EQ(decoded.window, 0x1000);
  EXPECT_THAT(decoded.payload(frame), testing::ElementsAreArray(hello));
  EXPECT_EQ(decoded.wire_payload_length, 5U);
  EXPECT_EQ(decoded.missing(), 0U);
  EXPECT_EQ(decoded.vlan_count, 0);
  EXPECT_EQ(decoded.network, 14U);
}

TEST(Decode, OptionsOfIpv4AndTcpAreSkipped) {
  const Bytes frame = ethernet(0x0800) + ipv4(6, tcp(hello, zeros(40)), zeros(40));
  const auto [status, decoded] = decode_whole(frame);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.payload_offset, 14 + 60 + 60);
  EXPECT_THAT(decoded.payload(frame), testing::ElementsAreArray(hello));
}

TEST(Decode, UrgentPointerOnlyWithItsFlag) {
  Bytes frame = ethernet(0x0800) + ipv4(6, tcp(hello));
  frame[14 + 20 + 19] = 3;
  EXPECT_EQ(decode_whole(frame).decoded.urgent, 0);
  frame[14 + 20 + 13] |= tcp_flag::urg;
  EXPECT_EQ(decode_whole(frame).decoded.urgent, 3);
}

TEST(Decode, UdpHasNoTcpMembersEvenAfterTcp) {
  Decoded decoded;
  const auto first = ethernet(0x0800) + ipv4(6, tcp(hello));
  ASSERT_EQ(decode({first, 0}, decoded), DecodeStatus::ok);
  const Bytes frame = ethernet(0x0800) + ipv4(17, udp(hello));
  ASSERT_EQ(decode({frame, frame.size()}, decoded), DecodeStatus::ok);
  EXPECT_EQ(decoded.transport, Transport::Udp);
  EXPECT_EQ(decoded.src_port, 5353);
  EXPECT_EQ(decoded.dst_port, 53);
  EXPECT_EQ(decoded.flags, 0);
  EXPECT_EQ(decoded.sequence, 0U);
  EXPECT_EQ(decoded.acknowledgement, 0U);
  EXPECT_EQ(decoded.window, 0);
  EXPECT_THAT(decoded.payload(frame), testing::ElementsAreArray(hello));
}

TEST(Decode, UdpLengthBoundsThePayload) {
  const Bytes trailing = ethernet(0x0800) + ipv4(17, udp(hello) + zeros(7));
  EXPECT_EQ(decode_whole(trailing).decoded.payload_length, 5U);

  Bytes longer = ethernet(0x0800) + ipv4(17, udp(hello));
  longer[14 + 20 + 5] = 200;  // the UDP length goes beyond the datagram
  EXPECT_EQ(decode_whole(longer).status, DecodeStatus::ok);
  EXPECT_EQ(decode_whole(longer).decoded.wire_payload_length, 5U);

  longer[14 + 20 + 5] = 0;  // segmentation offload
  EXPECT_EQ(decode_whole(longer).decoded.payload_length, 5U);
  longer[14 + 20 + 5] = 7;
  EXPECT_EQ(decode_whole(longer).status, DecodeStatus::malformed);
}

TEST(Decode, EthernetPaddingIsNoPayload) {
  const auto [status, decoded] = decode_whole(ethernet(0x0800) + ipv4(6, tcp({})) + zeros(6));
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.payload_length, 0U);
  EXPECT_EQ(decoded.wire_payload_length, 0U);
}

TEST(Decode, TotalLengthZeroMeansToTheEndOfTheFrame) {
  Bytes frame = ethernet(0x0800) + ipv4(6, tcp(hello));
  frame[14 + 2] = frame[14 + 3] = 0;
  auto [status, decoded] = decode_whole(frame);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.payload_length, 5U);

  const auto cut = decode_exact(frame, 70000);
  EXPECT_EQ(cut.decoded.payload_length, 5U);
  EXPECT_EQ(cut.decoded.wire_payload_length, 70000U - 54);

  Bytes six = ethernet(0x86dd) + ipv6(6, tcp(hello));
  six[14 + 4] = six[14 + 5] = 0;
  EXPECT_EQ(decode_whole(six).decoded.payload_length, 5U);
}

TEST(Decode, WhatSnaplenCutIsMissing) {
  const Bytes frame = ethernet(0x0800) + ipv4(6, tcp(hello, zeros(12)));
  auto [status, decoded] = decode_exact(std::span(frame).first(frame.size() - 3), frame.size());
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.payload_length, 2U);
  EXPECT_EQ(decoded.wire_payload_length, 5U);
  EXPECT_EQ(decoded.missing(), 3U);

  // Down to the fixed part of the TCP header.
  const auto header = decode_exact(std::span(frame).first(54), frame.size());
  ASSERT_EQ(header.status, DecodeStatus::ok);
  EXPECT_EQ(header.decoded.dst_port, 443);
  EXPECT_EQ(header.decoded.payload_length, 0U);
  EXPECT_EQ(header.decoded.missing(), 5U);
  EXPECT_LE(header.decoded.payload_offset, 54);
}

TEST(Decode, PayloadDoesNotExceedTheFrameOnTheWire) {
  Bytes frame = ethernet(0x0800) + ipv4(6, tcp(hello));
  frame[14 + 2] = 0x10;  // claims 4,096 bytes more
  const auto [status, decoded] = decode_whole(frame);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.wire_payload_length, 5U);
  EXPECT_EQ(decoded.missing(), 0U);
}

TEST(Decode, VlanTags) {
  const Bytes packet = ipv4(6, tcp(hello));
  const auto one = decode_whole(ethernet(0x0800, {{0x8100, 0xe064}}) + packet);  // priority bits are no id
  ASSERT_EQ(one.status, DecodeStatus::ok);
  EXPECT_THAT(one.decoded.vlan_ids(), testing::ElementsAre(100));
  EXPECT_EQ(one.decoded.network, 18U);

  const auto three = decode_whole(ethernet(0x0800, {{0x88a8, 7}, {0x8100, 8}, {0x8100, 9}}) + packet);
  ASSERT_EQ(three.status, DecodeStatus::ok);
  EXPECT_THAT(three.decoded.vlan_ids(), testing::ElementsAre(7, 8, 9));
  EXPECT_EQ(three.decoded.vlan_count, 3);
  EXPECT_EQ(three.decoded.network, 26U);
  EXPECT_EQ(three.decoded.dst_port, 443);

  Bytes endless = ethernet(0x8100);
  for (int i = 0; i < 100; ++i) endless = endless + Bytes{0, 1, 0x81, 0};
  EXPECT_EQ(decode_whole(endless).status, DecodeStatus::malformed);
}

TEST(Decode, Ipv6WithExtensionHeaders) {
  const Bytes plain = ethernet(0x86dd) + ipv6(6, tcp(hello));
  const auto [status, decoded] = decode_whole(plain);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.src_ip, client6);
  EXPECT_EQ(decoded.dst_ip, server6);
  EXPECT_EQ(decoded.version, IpVersion::V6);
  EXPECT_THAT(decoded.payload(plain), testing::ElementsAreArray(hello));

  const Bytes hop_by_hop = Bytes{43, 0} + zeros(6);
  const Bytes routing = Bytes{60, 2} + zeros(22);
  const Bytes destination = Bytes{17, 1} + zeros(14);
  const Bytes frame = ethernet(0x86dd) + ipv6(0, hop_by_hop + routing + destination + udp(hello));
  const auto extended = decode_whole(frame);
  ASSERT_EQ(extended.status, DecodeStatus::ok);
  EXPECT_EQ(extended.decoded.transport, Transport::Udp);
  EXPECT_EQ(extended.decoded.dst_port, 53);
  EXPECT_THAT(extended.decoded.payload(frame), testing::ElementsAreArray(hello));

  Bytes many;
  for (int i = 0; i < 40; ++i) many = many + Bytes{60, 0} + zeros(6);
  EXPECT_EQ(decode_whole(ethernet(0x86dd) + ipv6(60, many + tcp({}))).status, DecodeStatus::malformed);
  // An extension that goes beyond the datagram.
  EXPECT_EQ(decode_whole(ethernet(0x86dd) + ipv6(60, Bytes{6, 9} + zeros(6))).status, DecodeStatus::malformed);
}

TEST(Decode, Fragments) {
  Bytes first = ethernet(0x0800) + ipv4(17, udp(hello));
  first[14 + 6] = 0x20;  // more fragments
  EXPECT_EQ(decode_whole(first).status, DecodeStatus::fragment);
  EXPECT_EQ(decode_whole(first).decoded.src_ip, IpAddress::v4(client4).bytes);
  Bytes later = ethernet(0x0800) + ipv4(17, hello);
  later[14 + 6] = 0;
  later[14 + 7] = 1;  // offset
  EXPECT_EQ(decode_whole(later).status, DecodeStatus::fragment);

  const auto ipv6_fragment = [](std::uint8_t high, std::uint8_t low) {
    return ethernet(0x86dd) + ipv6(44, Bytes{17, 0, high, low, 0, 0, 0, 1} + udp(hello));
  };
  EXPECT_EQ(decode_whole(ipv6_fragment(0, 1)).status, DecodeStatus::fragment);
  EXPECT_EQ(decode_whole(ipv6_fragment(0, 8)).status, DecodeStatus::fragment);
  EXPECT_EQ(decode_whole(ipv6_fragment(0, 0)).status, DecodeStatus::ok);  // atomic
}

TEST(Decode, OtherProtocols) {
  EXPECT_EQ(decode_whole(ethernet(0x0806) + zeros(46)).status, DecodeStatus::not_ip);
  EXPECT_EQ(decode_whole(ethernet(100) + zeros(100)).status, DecodeStatus::not_ip);  // 802.3: a length
  const auto arp = decode_whole(ethernet(0x0806, {{0x8100, 5}}) + zeros(46));
  EXPECT_EQ(arp.status, DecodeStatus::not_ip);
  EXPECT_THAT(arp.decoded.vlan_ids(), testing::ElementsAre(5));
  const auto icmp = decode_whole(ethernet(0x0800) + ipv4(1, zeros(8)));
  EXPECT_EQ(icmp.status, DecodeStatus::other_transport);
  EXPECT_EQ(icmp.decoded.dst_ip, IpAddress::v4(server4).bytes);
  EXPECT_EQ(decode_whole(ethernet(0x86dd) + ipv6(59, {})).status, DecodeStatus::other_transport);
}

TEST(Decode, Malformed) {
  const Bytes good = ethernet(0x0800) + ipv4(6, tcp(hello));
  const auto with = [&](std::size_t offset, std::uint8_t value) {
    Bytes frame = good;
    frame[offset] = value;
    return decode_whole(frame).status;
  };
  EXPECT_EQ(with(14, 0x65), DecodeStatus::malformed);            // version
  EXPECT_EQ(with(14, 0x44), DecodeStatus::malformed);            // header length below 20
  EXPECT_EQ(with(14 + 3, 19), DecodeStatus::malformed);          // total length below the header's
  EXPECT_EQ(with(14 + 3, 39), DecodeStatus::malformed);          // no room for a TCP header
  EXPECT_EQ(with(14 + 20 + 12, 0x40), DecodeStatus::malformed);  // data offset below 20
  EXPECT_EQ(with(14 + 20 + 12, 0xf0), DecodeStatus::malformed);  // data offset beyond the datagram
  Bytes six = ethernet(0x86dd) + ipv6(6, tcp(hello));
  six[14] = 0x45;
  EXPECT_EQ(decode_whole(six).status, DecodeStatus::malformed);
  // A whole frame that ends before its headers do is not a matter of the capture.
  EXPECT_EQ(decode_whole(ethernet(0x0800) + zeros(3)).status, DecodeStatus::malformed);
  EXPECT_EQ(decode_whole({1, 2, 3}).status, DecodeStatus::malformed);
  EXPECT_EQ(decode_exact({}, 60).status, DecodeStatus::truncated);
}

TEST(Decode, EveryPrefixOfEveryKindOfFrame) {
  const Bytes extensions = Bytes{60, 0} + zeros(6) + Bytes{6, 1} + zeros(14);
  expect_every_prefix(ethernet(0x0800) + ipv4(6, tcp(hello)), 14 + 20 + 20);
  expect_every_prefix(ethernet(0x0800) + ipv4(6, tcp(hello, zeros(8)), zeros(4)), 14 + 24 + 20);
  expect_every_prefix(ethernet(0x0800) + ipv4(17, udp(hello)), 14 + 20 + 8);
  expect_every_prefix(ethernet(0x0800, {{0x88a8, 1}, {0x8100, 2}}) + ipv4(6, tcp(hello)), 22 + 20 + 20);
  expect_every_prefix(ethernet(0x86dd) + ipv6(6, tcp(hello)), 14 + 40 + 20);
  expect_every_prefix(ethernet(0x86dd) + ipv6(0, extensions + tcp(hello)), 14 + 40 + 24 + 20);
  expect_every_prefix(ethernet(0x86dd, {{0x8100, 2}}) + ipv6(17, udp(hello)), 18 + 40 + 8);
}

}  // namespace
}  // namespace iris::parsers::packet
