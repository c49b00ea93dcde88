// Every link layer, and tags, labels and sessions between it and IP.
#include "parsers/packet/link.hpp"

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

// `front` and a packet: IP begins where the front ends, and every prefix is judged rightly, padding being none of it.
void expect_ip_behind(const Bytes& front, const Bytes& packet, LinkType link = LinkType::ethernet) {
  const Bytes frame = front + packet;
  const auto [status, decoded] = decode_whole(frame, link);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.network, front.size());
  EXPECT_THAT(decoded.payload(frame), ElementsAreArray(hello));
  expect_every_prefix(frame, front.size() + (packet == ip4 ? 40 : 48), link);
  const auto padded = decode_whole(frame + zeros(11), link);
  ASSERT_EQ(padded.status, DecodeStatus::ok);
  EXPECT_EQ(padded.decoded.payload_length, hello.size());
}
void expect_status(DecodeStatus status, const Bytes& frame, LinkType link = LinkType::ethernet) {
  EXPECT_EQ(decode_whole(frame, link).status, status);
}

TEST(Link, RawIp) {
  expect_ip_behind({}, ip4, LinkType::raw_ip);
  expect_ip_behind({}, ip6, LinkType::raw_ip);
  expect_status(DecodeStatus::malformed, {}, LinkType::raw_ip);
  expect_status(DecodeStatus::malformed, Bytes{0x50} + zeros(60), LinkType::raw_ip);
}

TEST(Link, Cooked) {
  const auto cooked = [](std::uint8_t device_high, std::uint8_t device, std::size_t protocol) {
    Bytes header = Bytes{0, 0, device_high, device, 0, 6} + zeros(8);
    put16(header, protocol);
    return header;
  };
  expect_ip_behind(cooked(0, 1, 0x0800), ip4, LinkType::linux_sll);
  expect_ip_behind(cooked(0, 1, 0x86dd), ip6, LinkType::linux_sll);
  expect_ip_behind(cooked(0, 1, 0x8100) + Bytes{0, 5, 8, 0}, ip4, LinkType::linux_sll);
  expect_ip_behind(cooked(0, 1, 4) + snap(0x0800, {}), ip4, LinkType::linux_sll);
  expect_status(DecodeStatus::not_ip, cooked(0, 1, 0x0806) + zeros(28), LinkType::linux_sll);
  expect_status(DecodeStatus::not_ip, cooked(0, 1, 1) + zeros(28), LinkType::linux_sll);
  // Netlink's protocol 4 and Frame Relay's numbers are not what they look like.
  expect_status(DecodeStatus::not_ip, cooked(3, 0x38, 4) + snap(0x0800, ip4), LinkType::linux_sll);
  expect_status(DecodeStatus::not_ip, cooked(3, 2, 0x0800) + ip4, LinkType::linux_sll);
}

TEST(Link, CookedVersion2) {
  const auto cooked = [](std::size_t protocol, std::uint8_t device_high, std::uint8_t device) {
    Bytes header;
    put16(header, protocol);
    return header + zeros(6) + Bytes{device_high, device, 0, 6} + zeros(8);
  };
  expect_ip_behind(cooked(0x0800, 0, 1), ip4, LinkType::linux_sll2);
  expect_ip_behind(cooked(0x86dd, 0, 1), ip6, LinkType::linux_sll2);
  expect_status(DecodeStatus::not_ip, cooked(0x0800, 3, 0x38) + ip4, LinkType::linux_sll2);
}

TEST(Link, LoopbackInBothByteOrders) {
  expect_ip_behind({0, 0, 0, 2}, ip4, LinkType::null_loopback);
  expect_ip_behind({2, 0, 0, 0}, ip4, LinkType::null_loopback);
  for (const std::uint8_t family : Bytes{10, 23, 24, 28, 30}) {
    expect_ip_behind({0, 0, 0, family}, ip6, LinkType::null_loopback);
    expect_ip_behind({family, 0, 0, 0}, ip6, LinkType::null_loopback);
  }
  expect_status(DecodeStatus::not_ip, Bytes{0, 0, 0, 7} + ip4, LinkType::null_loopback);
  expect_status(DecodeStatus::not_ip, Bytes{2, 0, 0, 2} + ip4, LinkType::null_loopback);
}

TEST(Link, Ppp) {
  for (const Bytes& framing : {Bytes{}, Bytes{0xff, 3}}) {
    expect_ip_behind(framing + Bytes{0, 0x21}, ip4, LinkType::ppp);
    expect_ip_behind(framing + Bytes{0x21}, ip4, LinkType::ppp);
    expect_ip_behind(framing + Bytes{0, 0x57}, ip6, LinkType::ppp);
    expect_ip_behind(framing + Bytes{0x57}, ip6, LinkType::ppp);
    expect_ip_behind(framing + Bytes{2, 0x81} + label(7, true), ip4, LinkType::ppp);
    expect_status(DecodeStatus::not_ip, framing + Bytes{0xc0, 0x21, 1, 2}, LinkType::ppp);  // LCP
  }
  expect_ip_behind({0x0f, 0, 8, 0}, ip4, LinkType::ppp);
  expect_ip_behind({0x8f, 0, 0x86, 0xdd}, ip6, LinkType::ppp);
  expect_status(DecodeStatus::not_ip, Bytes{0x8f, 0, 0x80, 0x35} + zeros(18), LinkType::ppp);  // SLARP
}

TEST(Link, Pppoe) {
  const auto session = [](const Bytes& protocol, const Bytes& packet) {
    Bytes front = pppoe(protocol, packet);
    front.resize(6 + protocol.size());
    return front;
  };
  for (const Bytes& protocol : {Bytes{0, 0x21}, Bytes{0x21}}) {
    expect_ip_behind(ethernet(0x8864) + session(protocol, ip4), ip4);
    expect_ip_behind(ethernet(0x8864, {{0x88a8, 1}, {0x8100, 2}}) + session(protocol, ip4), ip4);
    expect_ip_behind(session(protocol, ip4), ip4, LinkType::pppoe);
  }
  expect_ip_behind(ethernet(0x8864) + session({0, 0x57}, ip6), ip6);

  const Bytes good = ethernet(0x8864) + pppoe({0, 0x21}, ip4);
  const auto with = [&](std::size_t offset, std::uint8_t value) {
    Bytes frame = good;
    frame[offset] = value;
    return decode_whole(frame);
  };
  EXPECT_EQ(with(14, 0x21).status, DecodeStatus::malformed);  // version
  EXPECT_EQ(with(15, 0x09).status, DecodeStatus::not_ip);     // discovery's
  EXPECT_EQ(with(19, 41).status, DecodeStatus::malformed);    // ends within the TCP header
  EXPECT_EQ(with(19, 44).decoded.payload_length, 2U);         // ends within the payload
  EXPECT_EQ(with(18, 9).decoded.payload_length, 5U);          // ends behind the frame
  expect_status(DecodeStatus::not_ip, ethernet(0x8863) + zeros(40));
  expect_status(DecodeStatus::not_ip, ethernet(0x8864) + pppoe({0xc0, 0x21}, zeros(10)) + zeros(30));
}

// The length that IP lacks is PPPoE's.
TEST(Link, PppoeBoundsWhatHasNoLength) {
  Bytes packet = ip4;
  packet[2] = packet[3] = 0;
  const auto [status, decoded] = decode_whole(ethernet(0x8864) + pppoe({0, 0x21}, packet) + zeros(12));
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.payload_length, hello.size());
}

TEST(Link, Ieee8023) {
  const Bytes frame = ieee_802_3(snap(0x0800, ip4));
  EXPECT_THAT(decode_whole(frame + zeros(9)).decoded.payload(frame), ElementsAreArray(hello));
  expect_every_prefix(frame, 14 + 8 + 40);
  expect_every_prefix(ieee_802_3(Bytes{6, 6, 3} + ip6), 14 + 3 + 48);
  expect_every_prefix(ieee_802_3(Bytes{0xaa, 0xaa, 3, 0, 0, 0xf8, 0x86, 0xdd} + ip6), 14 + 8 + 48);

  expect_status(DecodeStatus::not_ip, ieee_802_3(Bytes{0x42, 0x42, 3} + zeros(40)));
  expect_status(DecodeStatus::not_ip, ieee_802_3(Bytes{0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0} + zeros(40)));  // Cisco's
  expect_status(DecodeStatus::not_ip, ethernet(0) + zeros(46));
  expect_status(DecodeStatus::not_ip, ethernet(1501) + ip4);
  Bytes shorter = frame;
  shorter[13] = 30;
  expect_status(DecodeStatus::malformed, shorter);
  Bytes longer = frame;
  longer[12] = 5;
  EXPECT_EQ(decode_whole(longer).decoded.payload_length, hello.size());
  // Within a VLAN too.
  Bytes tagged = ethernet(0x8100) + Bytes{0, 9};
  put16(tagged, 8 + ip4.size());
  const auto in_vlan = decode_whole(tagged + snap(0x0800, ip4) + zeros(5));
  EXPECT_EQ(in_vlan.status, DecodeStatus::ok);
  EXPECT_THAT(in_vlan.decoded.vlan_ids(), ElementsAre(9));
}

TEST(Link, TagsOfEveryType) {
  for (const unsigned type : {0x8100U, 0x88a8U, 0x9100U, 0x9200U, 0x9300U}) {
    expect_ip_behind(ethernet(0x0800, {{type, 0x2abc}}), ip4);
    EXPECT_THAT(decode_whole(ethernet(0x86dd, {{type, 0x2abc}}) + ip6).decoded.vlan_ids(), ElementsAre(0xabc));
  }
}

TEST(Link, TagsOfAnyDepthAreCountedAndFourKept) {
  Bytes front = ethernet(0x8100);
  for (std::uint8_t i = 1; i < 60; ++i) front = front + Bytes{0, i, 0x81, 0};
  front = front + Bytes{0, 60, 8, 0};
  const auto [status, decoded] = decode_whole(front + ip4);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.vlan_count, 60);
  EXPECT_THAT(decoded.vlan_ids(), ElementsAre(1, 2, 3, 4));
}

TEST(Link, MacInMac) {
  const Bytes front = ethernet(0x88e7, {{0x88a8, 3}}) + zeros(4) + ethernet(0x0800, {{0x8100, 4}});
  expect_ip_behind(front, ip4);
  EXPECT_THAT(decode_whole(front + ip4).decoded.vlan_ids(), ElementsAre(3, 4));
}

TEST(Link, LabelStacks) {
  for (const unsigned type : {0x8847U, 0x8848U}) {
    expect_ip_behind(ethernet(type) + label(9, true), ip4);
    expect_ip_behind(ethernet(type) + label(9, false) + label(8, false) + label(7, true), ip6);
  }
  expect_ip_behind(label(9, true), ip4, LinkType::mpls);
  Bytes endless = ethernet(0x8847);
  for (int i = 0; i < 100; ++i) endless = endless + label(5, false);
  expect_status(DecodeStatus::malformed, endless + label(5, true) + ip4);
  expect_status(DecodeStatus::malformed, ethernet(0x8847) + label(9, false));
  expect_status(DecodeStatus::malformed, ethernet(0x8847) + label(9, true));
  expect_status(DecodeStatus::not_ip, ethernet(0x8847) + label(9, true) + Bytes{0x10, 0, 0, 7} + zeros(40));  // G-ACh
}

TEST(Link, Pseudowires) {
  const Bytes front = ethernet(0x8847) + label(9, true);
  expect_ip_behind(front + zeros(4) + ethernet(0x0800), ip4);            // control word
  expect_ip_behind(front + Bytes{0, 0, 0, 17} + ethernet(0x86dd), ip6);  // with a sequence number
  expect_ip_behind(front + ethernet(0x0800, {{0x8100, 5}}), ip4);        // an address that begins with 0
  for (const std::uint8_t address : Bytes{0x44, 0x60, 0x90}) {           // like IPv4, like IPv6, like neither
    Bytes frame = ethernet(0x0800);
    frame[0] = address;
    frame[4] = frame[5] = 0xff;
    const auto [status, decoded] = decode_whole(front + frame + ip4);
    ASSERT_EQ(status, DecodeStatus::ok);
    EXPECT_EQ(decoded.network, front.size() + 14);
  }
  expect_status(DecodeStatus::not_ip, front + zeros(4) + ethernet(0x0806) + zeros(46));
  expect_status(DecodeStatus::not_ip, front + ethernet(0x1234) + zeros(46));
  const Bytes tagged = front + ethernet(0x0800, {{0x8100, 5}});
  EXPECT_THAT(decode_whole(tagged + ip4).decoded.vlan_ids(), ElementsAre(5));
  EXPECT_THAT(decode_whole(front + zeros(4) + ethernet(0x86dd, {{0x88a8, 6}, {0x8100, 5}}) + ip6).decoded.vlan_ids(),
              ElementsAre(6, 5));
  // Neither a plausible IP header nor Ethernet: what was meant is IP.
  expect_status(DecodeStatus::malformed, front + Bytes{0x44, 0, 0, 60} + zeros(40));
}

TEST(Link, AnyOrder) {
  const Bytes session = pppoe({0, 0x21}, ip4);
  const Bytes front = ethernet(0x8847, {{0x88a8, 1}}) + label(9, true) + ethernet(0x8864, {{0x9100, 2}, {0x8100, 3}}) +
                      Bytes(session.begin(), session.begin() + 8);
  expect_ip_behind(front, ip4);
  EXPECT_THAT(decode_whole(front + ip4).decoded.vlan_ids(), ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace iris::parsers::packet
