// Every tunnel found, none found without evidence, and what is inside kept within its outer packet.
#include "parsers/packet/tunnel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/parsers/packet/frames.hpp"

namespace iris::parsers::packet {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::ElementsAreArray;

const Bytes ip4 = ipv4(6, tcp(hello));
const Bytes ip6 = ipv6(17, udp(hello));
const Bytes frame4 = ethernet(0x0800) + ip4;

Bytes in_ipv4(std::uint8_t protocol, const Bytes& payload) { return ethernet(0x0800) + ipv4(protocol, payload); }
Bytes in_gre(std::size_t flags, std::size_t type, const Bytes& rest) { return in_ipv4(47, gre(flags, type, rest)); }
Bytes in_udp(std::uint16_t port, const Bytes& payload) { return in_ipv4(17, udp(payload, port)); }

// A frame down to its innermost packet.
struct Opened {
  DecodeStatus status = DecodeStatus::ok;
  Decoded decoded;
  std::vector<Inner> tunnels;
};
// Each layer of it in a block that ends where the layer outside says, so that AddressSanitizer sees reads beyond it.
Opened open(std::span<const std::uint8_t> bytes, std::size_t wire_length, const Tunnels& tunnels = {}) {
  Opened opened;
  std::vector<std::uint8_t> block(bytes.begin(), bytes.end());
  block.shrink_to_fit();
  Frame frame{block, wire_length};
  opened.status = decode(frame, opened.decoded);
  while (opened.status == DecodeStatus::ok || opened.status == DecodeStatus::other_transport) {
    const auto inner = find_inner(frame, opened.decoded, tunnels);
    if (!inner) break;
    opened.tunnels.push_back(*inner);
    const std::size_t end = opened.decoded.payload_offset + std::size_t{opened.decoded.payload_length};
    std::vector<std::uint8_t> shorter(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(end));
    shorter.shrink_to_fit();
    block = std::move(shorter);
    frame.bytes = block;
    opened.status = decode_inner(frame, *inner, opened.decoded, opened.decoded);
  }
  return opened;
}
Opened open(const Bytes& bytes, const Tunnels& tunnels = {}) { return open(bytes, bytes.size(), tunnels); }

// Tunnels of those identifiers, one in the other, and `hello` in the innermost. Cut anywhere, it is never thought to be
// contradicting itself.
void expect_tunnels(const Bytes& bytes, const std::vector<std::uint32_t>& identifiers) {
  const Opened opened = open(bytes + zeros(7));
  ASSERT_EQ(opened.status, DecodeStatus::ok);
  ASSERT_EQ(opened.tunnels.size(), identifiers.size());
  for (std::size_t i = 0; i < identifiers.size(); ++i) EXPECT_EQ(opened.tunnels[i].tunnel, identifiers[i]);
  EXPECT_EQ(opened.decoded.depth, identifiers.size());
  EXPECT_EQ(opened.decoded.tunnel, identifiers.back());
  EXPECT_THAT(opened.decoded.payload(bytes), ElementsAreArray(hello));
  EXPECT_EQ(opened.decoded.missing(), 0U);
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    SCOPED_TRACE(length);
    const Opened cut = open(std::span(bytes).first(length), bytes.size());
    EXPECT_NE(cut.status, DecodeStatus::malformed);
    EXPECT_NE(cut.status, DecodeStatus::not_ip);
    const Opened alone = open(std::span(bytes).first(length), length);
    EXPECT_NE(alone.status, DecodeStatus::truncated);
    if (alone.status == DecodeStatus::ok) EXPECT_EQ(alone.decoded.missing(), 0U);
  }
}
void expect_tunnel(const Bytes& bytes, std::uint32_t identifier) { expect_tunnels(bytes, {identifier}); }
void expect_none(const Bytes& bytes, const Tunnels& tunnels = {}) {
  const Opened opened = open(bytes, tunnels);
  EXPECT_TRUE(opened.status == DecodeStatus::ok || opened.status == DecodeStatus::other_transport);
  EXPECT_TRUE(opened.tunnels.empty());
}
Bytes with(Bytes bytes, std::size_t offset, std::uint8_t value) {
  bytes.at(offset) = value;
  return bytes;
}

TEST(Tunnel, IpInIp) {
  expect_tunnel(in_ipv4(4, ip4), 0);
  expect_tunnel(in_ipv4(41, ip6), 0);
  expect_tunnel(ethernet(0x86dd) + ipv6(4, ip4), 0);
  expect_tunnel(ethernet(0x86dd) + ipv6(60, Bytes{41, 0, 1, 4, 0, 0, 0, 0} + ip6), 0);
  expect_none(in_ipv4(4, ip6));
  expect_none(in_ipv4(41, ip4));
  expect_none(in_ipv4(4, {}));
}

TEST(Tunnel, Gre) {
  expect_tunnel(in_gre(0, 0x0800, ip4), 0);
  expect_tunnel(in_gre(0, 0x86dd, ip6), 0);
  expect_tunnel(in_gre(0x8000, 0x0800, zeros(4) + ip4), 0);
  expect_tunnel(in_gre(0x2000, 0x0800, Bytes{1, 2, 3, 4} + ip4), 0x01020304);
  expect_tunnel(in_gre(0x1000, 0x0800, zeros(4) + ip4), 0);
  expect_tunnel(in_gre(0xb000, 0x86dd, zeros(4) + Bytes{0, 0, 0, 9} + zeros(4) + ip6), 9);
  expect_tunnel(in_gre(0x6000, 0x0800, zeros(4) + Bytes{0, 0, 0, 9, 0, 2, 0, 4, 9, 9, 9, 9, 0, 0, 0, 0} + ip4), 9);
  expect_tunnel(in_gre(0x2000, 0x6558, Bytes{0, 0, 0, 5} + frame4), 5);
  expect_tunnel(in_gre(0, 0x8847, label(1, false) + label(2, true) + ip4), 0);
  expect_tunnel(in_gre(0, 0x8848, label(1, true) + frame4), 0);
  expect_tunnel(in_gre(0, 0x883e, ip4), 0);
  expect_tunnel(in_gre(0, 0x883e, Bytes{0, 1, 2, 3} + ip4), 0);
  expect_tunnels(in_gre(0, 0x0800, ipv4(47, gre(0x2000, 0x0800, Bytes{0, 0, 0, 7} + ip4))), {0, 7});

  expect_none(in_gre(0, 0x0800, ip6));
  expect_none(in_gre(0, 0x1234, ip4));
  expect_none(in_gre(2, 0x0800, ip4));                                            // version
  expect_none(in_gre(0x4000, 0x0800, zeros(4) + Bytes{0, 2, 0, 200} + ip4));      // a route beyond the packet
  expect_none(in_gre(0x4000, 0x0800, zeros(4) + Bytes{0, 2, 0, 4, 9, 9, 9, 9}));  // routes without an end
  expect_none(in_ipv4(47, {0, 0, 8}));
}

TEST(Tunnel, Pptp) {
  const Bytes call{0, 50, 0x12, 0x34};
  expect_tunnel(in_gre(0x3001, 0x880b, call + zeros(4) + Bytes{0xff, 3, 0, 0x21} + ip4), 0x1234);
  expect_tunnel(in_gre(0x3081, 0x880b, call + zeros(8) + Bytes{0x21} + ip4), 0x1234);
  expect_none(in_gre(0x2081, 0x880b, call + zeros(4)));                           // an acknowledgement
  expect_none(in_gre(0x1001, 0x880b, zeros(4) + Bytes{0xff, 3, 0, 0x21} + ip4));  // no key
  expect_none(in_gre(0x3001, 0x0800, call + zeros(4) + ip4));
  const Opened encrypted = open(in_gre(0x3001, 0x880b, call + zeros(4) + Bytes{0, 0xfd} + zeros(40)));
  EXPECT_EQ(encrypted.status, DecodeStatus::not_ip);
  EXPECT_EQ(encrypted.decoded.depth, 1);
}

TEST(Tunnel, Erspan) {
  const Bytes two = Bytes{0x10, 7, 0xfe, 0x0a} + zeros(4);
  expect_tunnel(in_gre(0x1000, 0x88be, zeros(4) + two + frame4), 0x20a);
  expect_tunnel(in_gre(0, 0x88be, frame4), 0);  // type I
  expect_none(in_gre(0x1000, 0x88be, zeros(4) + with(two, 0, 0x30) + frame4));

  const Bytes three = Bytes{0x20, 7, 0, 9} + zeros(8);
  expect_tunnel(in_gre(0x1000, 0x22eb, zeros(4) + three + frame4), 9);
  expect_tunnel(in_gre(0x1000, 0x22eb, zeros(4) + with(three, 11, 1) + zeros(8) + frame4), 9);  // subheader
  expect_tunnel(in_gre(0x1000, 0x22eb, zeros(4) + with(three, 10, 0x08) + ip4), 9);             // bare IP
  expect_none(in_gre(0x1000, 0x22eb, zeros(4) + with(three, 10, 0x04) + frame4));
  expect_none(in_gre(0x1000, 0x22eb, zeros(4) + with(three, 0, 0x10) + frame4));
}

TEST(Tunnel, Vxlan) {
  for (const std::uint16_t port : std::vector<std::uint16_t>{4789, 8472, 4790}) {
    const Bytes good = in_udp(port, vxlan(9, frame4));
    expect_tunnel(good, 9);
    expect_tunnel(in_udp(port, vxlan(9, ieee_802_3(snap(0x86dd, ip6)))), 9);
    constexpr std::size_t header = 14 + 20 + 8;
    expect_none(with(good, header, 0));          // no network
    expect_none(with(good, header, 0x48));       // a reserved flag
    expect_none(with(good, header + 2, 1));      // reserved
    expect_none(with(good, header + 7, 1));      // reserved
    expect_none(with(good, header + 8 + 6, 1));  // from a group address
    expect_none(with(good, header + 8 + 14, 0x65));
    expect_none(in_udp(port, vxlan(9, ethernet(0x1234) + zeros(50))));
    expect_none(in_udp(port, hello));
  }
  expect_tunnel(with(in_udp(4789, vxlan(9, frame4)), 14 + 20 + 8, 0x88), 9);  // group policy
  expect_none(in_ipv4(17, udp(vxlan(9, frame4), 53, 4789)));                  // from that port only
}

TEST(Tunnel, VxlanWithNextProtocol) {
  const auto header = [](std::uint8_t next) { return Bytes{0x0c, 0, 0, next, 0, 1, 0, 0}; };
  expect_tunnel(in_udp(4790, header(1) + ip4), 256);
  expect_tunnel(in_udp(4790, header(2) + ip6), 256);
  expect_tunnel(in_udp(4790, header(3) + frame4), 256);
  expect_none(in_udp(4790, header(4) + frame4));
  expect_none(in_udp(4789, header(1) + ip4));
}

TEST(Tunnel, Geneve) {
  const auto header = [](std::uint8_t words, std::size_t type) {
    Bytes bytes{words, 0x40};
    put16(bytes, type);
    return bytes + Bytes{0, 2, 1, 0};
  };
  const auto good = [&](std::uint8_t words, const Bytes& rest) {
    return in_udp(6081, with(header(words, 0x6558), 1, 0) + rest);
  };
  expect_tunnel(good(0, frame4), 0x201);
  expect_tunnel(good(3, Bytes{1, 2, 3, 1, 9, 9, 9, 9, 1, 2, 3, 0} + frame4), 0x201);
  expect_tunnel(in_udp(6081, with(header(0, 0x0800), 1, 0) + ip4), 0x201);
  expect_tunnel(in_udp(6081, with(header(0, 0x86dd), 1, 0) + ip6), 0x201);
  expect_tunnel(in_udp(6081, with(header(0, 0x8847), 1, 0) + label(3, true) + ip6), 0x201);
  expect_tunnel(in_udp(6081, with(header(0, 0x6558), 1, 0x00) + frame4), 0x201);
  constexpr std::size_t begin = 14 + 20 + 8;
  expect_none(with(good(0, frame4), begin, 0x40));               // version
  expect_none(with(good(0, frame4), begin + 1, 0x01));           // reserved
  expect_none(with(good(0, frame4), begin + 7, 1));              // reserved
  expect_none(with(good(0, frame4), begin + 2, 0x12));           // another protocol
  expect_none(good(1, Bytes{1, 2, 3, 1, 9, 9, 9, 9} + frame4));  // options that end behind where they should
  expect_none(good(63, frame4));
  // Flags for control packets and critical options are no contradiction.
  expect_tunnel(with(good(0, frame4), begin + 1, 0xc0), 0x201);
}

TEST(Tunnel, GtpU) {
  const auto good = in_udp(2152, gtp_u(5, ip4));
  constexpr std::size_t begin = 14 + 20 + 8;
  expect_tunnel(good, 5);
  expect_tunnel(in_udp(2152, gtp_u(5, ip6)), 5);
  expect_tunnel(in_udp(2152, gtp_u(5, frame4)), 5);  // 5G's Ethernet sessions
  for (const std::uint8_t flags : Bytes{0x31, 0x32, 0x33}) {
    expect_tunnel(with(in_udp(2152, gtp_u(5, Bytes{0, 1, 0, 0x85} + ip4)), begin, flags), 5);
  }
  const Bytes extensions = Bytes{0, 1, 0, 0x85, 1, 2, 3, 0xc0, 2} + zeros(7);
  expect_tunnel(with(in_udp(2152, gtp_u(5, extensions + ip4)), begin, 0x34), 5);
  expect_tunnel(with(in_udp(2152, gtp_u(5, extensions + ip6)), begin, 0x37), 5);

  expect_none(with(good, begin, 0x50));          // version 2
  expect_none(with(good, begin, 0x20));          // GTP'
  expect_none(with(good, begin, 0x38));          // reserved
  expect_none(with(good, begin + 1, 0x01));      // an echo
  expect_none(with(good, begin + 2, 0x10));      // longer than the datagram
  expect_none(with(good, begin + 8, 0x75));      // neither IP nor Ethernet
  expect_none(with(good, begin + 8 + 2, 0x10));  // inner packet longer than the outer
  expect_none(with(in_udp(2152, gtp_u(5, Bytes{0, 1, 0, 0x85, 0, 2, 3, 0} + ip4)), begin, 0x34));    // of no length
  expect_none(with(in_udp(2152, gtp_u(5, Bytes{0, 1, 0, 0x85, 200, 2, 3, 0} + ip4)), begin, 0x34));  // beyond the end
}

TEST(Tunnel, Teredo) {
  Bytes packet = ip6;
  std::ranges::copy(Bytes{0x20, 1, 0, 0}, packet.begin() + 24);
  const Bytes authentication = Bytes{0, 1, 2, 3} + zeros(2 + 3 + 8 + 1);
  const Bytes origin{0, 0, 1, 2, 3, 4, 5, 6};
  expect_tunnel(in_udp(3544, packet), 0);
  expect_tunnel(in_udp(3544, origin + packet), 0);
  expect_tunnel(in_udp(3544, authentication + packet), 0);
  expect_tunnel(in_udp(3544, authentication + origin + packet), 0);
  expect_tunnel(in_ipv4(17, udp(packet, 50000, 3544)), 0);
  Bytes solicitation = ip6;
  std::ranges::copy(Bytes{0xfe, 0x80, 0, 0}, solicitation.begin() + 8);
  expect_tunnel(in_udp(3544, solicitation), 0);

  expect_none(in_udp(3544, ip6));  // of nobody's that speaks Teredo
  expect_none(in_udp(3544, ip4));
  expect_none(in_udp(3544, with(packet, 5, 100)));
  expect_none(in_udp(3544, authentication));
  expect_none(in_udp(3545, packet));
}

TEST(Tunnel, OrdinaryTrafficOnTheirPorts) {
  std::uint32_t state = 1;
  for (const std::uint16_t port : std::vector<std::uint16_t>{4789, 8472, 4790, 6081, 2152, 3544}) {
    for (int i = 0; i < 20000; ++i) {
      Bytes payload(64);
      for (auto& byte : payload) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24U);
      ASSERT_TRUE(open(in_udp(port, payload)).tunnels.empty());
    }
    expect_none(in_udp(port, zeros(64)));
    expect_none(in_udp(port, Bytes(64, 0xff)));
    expect_none(in_udp(port, {}));
  }
  expect_none(ethernet(0x0800) + ipv4(6, tcp(vxlan(9, frame4))));
}

TEST(Tunnel, OnlyThoseWanted) {
  expect_none(in_ipv4(4, ip4), {.ip_in_ip = false});
  expect_none(in_ipv4(41, ip6), {.ip_in_ip = false});
  expect_none(in_gre(0, 0x0800, ip4), {.gre = false});
  expect_none(in_udp(4789, vxlan(9, frame4)), {.vxlan = false});
  expect_none(in_udp(4790, vxlan(9, frame4)), {.vxlan = false});
  expect_none(in_udp(6081, Bytes{0, 0, 0x65, 0x58, 0, 0, 1, 0} + frame4), {.geneve = false});
  expect_none(in_udp(2152, gtp_u(5, ip4)), {.gtp_u = false});
  expect_none(in_udp(3544, with(with(ip6, 10, 0), 11, 0)), {.teredo = false});
  expect_none(in_ipv4(4, ip4), {.depth = 0});
}

TEST(Tunnel, AsDeepAsIsWantedAndNoDeeper) {
  Bytes packet = ip4;
  for (int i = 0; i < 12; ++i) packet = i % 2 == 0 ? ipv4(4, packet) : ipv4(17, udp(gtp_u(1, packet), 2152));
  const Bytes frame = ethernet(0x0800) + packet;
  for (std::uint8_t depth = 0; depth < 14; ++depth) {
    const Opened opened = open(frame, {.depth = depth});
    EXPECT_EQ(opened.tunnels.size(), std::min<std::size_t>(depth, 12));
    EXPECT_EQ(opened.decoded.depth, opened.tunnels.size());
    EXPECT_EQ(opened.decoded.transport == Transport::Tcp, depth >= 12);
  }
  EXPECT_EQ(open(frame).decoded.depth, 4);
}

TEST(Tunnel, EveryKindInAnother) {
  const Bytes innermost = ethernet(0x0800, {{0x8100, 3}}) + ip4;
  const Bytes in_vxlan = ipv6(17, udp(vxlan(9, innermost), 4789));
  const Bytes in_gtp = ipv4(17, udp(gtp_u(5, in_vxlan), 2152));
  const Bytes frame =
      ethernet(0x0800, {{0x88a8, 1}, {0x8100, 2}}) + ipv4(47, gre(0x2000, 0x0800, Bytes{0, 0, 0, 7} + in_gtp));
  expect_tunnels(frame, {7, 5, 9});
  EXPECT_THAT(open(frame).decoded.vlan_ids(), ElementsAre(1, 2, 3));
}

TEST(Tunnel, VlansOfAllLayersCountAndFourAreKept) {
  const Bytes inner = ethernet(0x0800, {{0x88a8, 4}, {0x8100, 5}, {0x8100, 6}}) + ip4;
  const Bytes frame = ethernet(0x0800, {{0x88a8, 1}, {0x8100, 2}, {0x8100, 3}}) + ipv4(17, udp(vxlan(9, inner), 4789));
  const Opened opened = open(frame);
  ASSERT_EQ(opened.status, DecodeStatus::ok);
  EXPECT_EQ(opened.decoded.vlan_count, 6);
  EXPECT_THAT(opened.decoded.vlan_ids(), ElementsAre(1, 2, 3, 4));
}

TEST(Tunnel, WhatIsInsideEndsWithTheOuterPayload) {
  // The inner datagram claims what lies behind the outer one.
  const Bytes longer = with(ip4, 3, 200);
  const Opened opened = open(in_ipv4(4, longer) + Bytes(155, 'x'));
  ASSERT_EQ(opened.status, DecodeStatus::ok);
  EXPECT_EQ(opened.decoded.payload_length, hello.size());
  EXPECT_EQ(opened.decoded.wire_payload_length, hello.size());
  // Of no length, it ends there too.
  const Opened zero = open(in_ipv4(4, with(ip4, 3, 0)) + Bytes(155, 'x'));
  ASSERT_EQ(zero.status, DecodeStatus::ok);
  EXPECT_EQ(zero.decoded.payload_length, hello.size());
  // Headers beyond it contradict it, however much the frame has.
  EXPECT_EQ(open(in_ipv4(4, Bytes(ip4.begin(), ip4.begin() + 30)) + zeros(100)).status, DecodeStatus::malformed);
  // The capture's cut is inherited.
  const Bytes whole = in_ipv4(4, ip4);
  const Opened cut = open(std::span(whole).first(whole.size() - 2), whole.size());
  ASSERT_EQ(cut.status, DecodeStatus::ok);
  EXPECT_EQ(cut.decoded.missing(), 2U);
}

TEST(Tunnel, FragmentsAndOthersInside) {
  const Opened fragment = open(in_ipv4(4, with(ip4, 6, 0x20)));
  ASSERT_EQ(fragment.status, DecodeStatus::fragment);
  EXPECT_EQ(fragment.decoded.network, 34);
  EXPECT_EQ(fragment.decoded.depth, 1);
  EXPECT_EQ(open(in_ipv4(4, ipv4(1, hello))).status, DecodeStatus::other_transport);
  EXPECT_EQ(open(in_gre(0, 0x6558, ethernet(0x0806) + zeros(28))).status, DecodeStatus::not_ip);
}

}  // namespace
}  // namespace iris::parsers::packet
