// Extension headers, jumbograms, fragments, and transports without connections.
#include "parsers/packet/internet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/parsers/packet/frames.hpp"

namespace iris::parsers::packet {
namespace {

using namespace test;
using testing::ElementsAreArray;

// `length` of the extension header as it is written there.
Bytes extension(std::uint8_t next, std::uint8_t length, std::size_t bytes) {
  return Bytes{next, length} + zeros(bytes - 2);
}

TEST(Internet, EveryExtensionHeader) {
  // Hop-by-hop, routing, destination, mobility, HIP, shim6, authentication, an atomic fragment.
  const Bytes headers = extension(43, 0, 8) + extension(60, 1, 16) + extension(135, 0, 8) + extension(139, 1, 16) +
                        extension(140, 2, 24) + extension(51, 0, 8) + extension(44, 4, 24) + Bytes{17, 99} + zeros(6);
  const Bytes packet = ipv6(0, headers + udp(hello));
  const auto [status, decoded] = decode_whole(packet, LinkType::raw_ip);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.dst_port, 53);
  EXPECT_THAT(decoded.payload(packet), ElementsAreArray(hello));
  expect_every_prefix(packet, 40 + headers.size() + 8, LinkType::raw_ip);
}

TEST(Internet, AuthenticationInIpv4) {
  const Bytes packet = ipv4(51, extension(51, 4, 24) + extension(6, 1, 12) + tcp(hello));
  const auto [status, decoded] = decode_whole(packet, LinkType::raw_ip);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.transport, Transport::Tcp);
  EXPECT_THAT(decoded.payload(packet), ElementsAreArray(hello));
  expect_every_prefix(packet, 20 + 36 + 20, LinkType::raw_ip);

  Bytes endless;
  for (int i = 0; i < 40; ++i) endless = endless + extension(51, 0, 8);
  EXPECT_EQ(decode_whole(ipv4(51, endless), LinkType::raw_ip).status, DecodeStatus::malformed);
  EXPECT_EQ(decode_whole(ipv4(51, extension(6, 200, 40)), LinkType::raw_ip).status, DecodeStatus::malformed);
}

TEST(Internet, NothingFollowsNoNextHeaderAndEsp) {
  for (const std::uint8_t protocol : Bytes{59, 50}) {
    const Bytes packet = ipv6(60, extension(protocol, 0, 8) + extension(6, 0, 8));
    const auto [status, decoded] = decode_whole(packet, LinkType::raw_ip);
    ASSERT_EQ(status, DecodeStatus::other_transport);
    EXPECT_EQ(decoded.transport, Transport{protocol});
    EXPECT_EQ(decoded.payload_offset, 48);
    EXPECT_EQ(decoded.payload_length, 8U);
  }
  EXPECT_EQ(decode_whole(ipv6(59, {}), LinkType::raw_ip).decoded.payload_length, 0U);
}

TEST(Internet, OtherTransportsHaveTheirPayload) {
  Decoded decoded;
  const Bytes first = ethernet(0x0800) + ipv4(6, tcp(hello));
  ASSERT_EQ(decode({first, first.size()}, decoded), DecodeStatus::ok);
  for (const Transport transport :
       {Transport::Icmp, Transport::Gre, Transport::Esp, Transport::Icmpv6, Transport{253}}) {
    const auto protocol = static_cast<std::uint8_t>(transport);
    for (const auto& [packet, begin] :
         {std::pair(ipv4(protocol, hello, zeros(8)), 28), std::pair(ipv6(protocol, hello), 40)}) {
      const Bytes padded = packet + zeros(9);
      ASSERT_EQ(decode({padded, padded.size(), LinkType::raw_ip}, decoded), DecodeStatus::other_transport);
      EXPECT_EQ(decoded.transport, transport);
      EXPECT_EQ(decoded.payload_offset, begin);
      EXPECT_EQ(decoded.wire_payload_length, hello.size());
      EXPECT_THAT(decoded.payload(padded), ElementsAreArray(hello));
      EXPECT_EQ(decoded.src_port, 0);
      EXPECT_EQ(decoded.dst_port, 0);
      EXPECT_EQ(decoded.flags, 0);
      for (std::size_t length = 0; length < packet.size(); ++length) {
        const auto cut = decode_exact(std::span(packet).first(length), packet.size(), LinkType::raw_ip);
        ASSERT_EQ(cut.status,
                  length < static_cast<std::size_t>(begin) ? DecodeStatus::truncated : DecodeStatus::other_transport);
        if (cut.status == DecodeStatus::other_transport) EXPECT_EQ(cut.decoded.missing(), packet.size() - length);
      }
    }
  }
}

TEST(Internet, SctpHasPorts) {
  const Bytes packet = ipv4(132, Bytes{0x0b, 0x59, 0x0b, 0x5a} + zeros(8) + hello);
  const auto [status, decoded] = decode_whole(packet, LinkType::raw_ip);
  ASSERT_EQ(status, DecodeStatus::other_transport);
  EXPECT_EQ(decoded.transport, Transport::Sctp);
  EXPECT_EQ(decoded.src_port, 2905);
  EXPECT_EQ(decoded.dst_port, 2906);
  EXPECT_EQ(decoded.payload_offset, 20);
  EXPECT_EQ(decoded.payload_length, 17U);
  EXPECT_EQ(decode_exact(std::span(packet).first(31), packet.size(), LinkType::raw_ip).status, DecodeStatus::truncated);
  EXPECT_EQ(decode_whole(ipv4(132, zeros(11)), LinkType::raw_ip).status, DecodeStatus::malformed);
}

TEST(Internet, FragmentsSayWhereTheyLieAndWhatTheyCarry) {
  Bytes four = ethernet(0x0800, {{0x8100, 5}}) + ipv4(17, udp(hello), zeros(4)) + zeros(3);
  four[18 + 6] = 0x20;
  const auto first = decode_whole(four);
  ASSERT_EQ(first.status, DecodeStatus::fragment);
  EXPECT_EQ(first.decoded.network, 18);
  EXPECT_EQ(first.decoded.transport, Transport::Udp);
  EXPECT_EQ(first.decoded.version, IpVersion::V4);
  EXPECT_EQ(first.decoded.payload_offset, 18 + 24);
  EXPECT_EQ(first.decoded.payload_length, 13U);
  EXPECT_THAT(first.decoded.vlan_ids(), testing::ElementsAre(5));
  EXPECT_EQ(decode_exact(std::span(four).first(18 + 23), four.size()).status, DecodeStatus::truncated);

  const Bytes six = ipv6(60, extension(44, 0, 8) + Bytes{6, 0, 0, 9, 0, 0, 0, 1} + hello);
  const auto second = decode_whole(six, LinkType::raw_ip);
  ASSERT_EQ(second.status, DecodeStatus::fragment);
  EXPECT_EQ(second.decoded.network, 0);
  EXPECT_EQ(second.decoded.transport, Transport::Tcp);
  EXPECT_THAT(second.decoded.payload(six), ElementsAreArray(hello));
}

Bytes jumbogram(std::uint32_t length, const Bytes& payload, std::uint8_t next = 6) {
  Bytes packet = ipv6(0, Bytes{next, 0, 0xc2, 4} + zeros(4) + payload);
  packet[4] = packet[5] = 0;
  for (std::size_t i = 0; i < 4; ++i) packet[44 + i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
  return packet;
}

TEST(Internet, Jumbogram) {
  const Bytes big = tcp(Bytes(70000, 'x'));
  const Bytes packet = jumbogram(static_cast<std::uint32_t>(8 + big.size()), big) + zeros(20);
  const auto [status, decoded] = decode_whole(packet, LinkType::raw_ip);
  ASSERT_EQ(status, DecodeStatus::ok);
  EXPECT_EQ(decoded.payload_length, 70000U);
  const auto cut = decode_exact(std::span(packet).first(100), packet.size(), LinkType::raw_ip);
  ASSERT_EQ(cut.status, DecodeStatus::ok);
  EXPECT_EQ(cut.decoded.wire_payload_length, 70000U);
  EXPECT_EQ(cut.decoded.payload_length, 100U - 68U);

  Bytes datagram = udp(Bytes(70000, 'x'));
  datagram[4] = datagram[5] = 0;
  const auto with_udp = decode_whole(
      jumbogram(static_cast<std::uint32_t>(8 + datagram.size()), datagram, 17) + zeros(3), LinkType::raw_ip);
  ASSERT_EQ(with_udp.status, DecodeStatus::ok);
  EXPECT_EQ(with_udp.decoded.payload_length, 70000U);
}

TEST(Internet, JumbogramsThatLie) {
  // Less than what needs the option.
  EXPECT_EQ(decode_whole(jumbogram(65535, tcp(hello)), LinkType::raw_ip).status, DecodeStatus::malformed);
  EXPECT_EQ(decode_whole(jumbogram(0, tcp(hello)), LinkType::raw_ip).status, DecodeStatus::malformed);
  // More than the frame has.
  const auto more = decode_whole(jumbogram(0xffffffff, tcp(hello)), LinkType::raw_ip);
  ASSERT_EQ(more.status, DecodeStatus::ok);
  EXPECT_EQ(more.decoded.wire_payload_length, hello.size());
  // An option that ends behind its header is none, and the packet ends with the frame.
  Bytes odd = jumbogram(70000, tcp(hello));
  odd[43] = 200;
  EXPECT_EQ(decode_whole(odd, LinkType::raw_ip).decoded.payload_length, hello.size());
  // Behind padding of one byte and of several.
  Bytes padded = ipv6(0, Bytes{6, 1, 0, 1, 3, 0, 0, 0, 0, 0, 0xc2, 4, 0, 1, 0, 0} + tcp(hello));
  padded[4] = padded[5] = 0;
  const auto found = decode_exact(padded, 200000, LinkType::raw_ip);
  ASSERT_EQ(found.status, DecodeStatus::ok);
  EXPECT_EQ(found.decoded.wire_payload_length, 65536U - 16 - 20);
}

TEST(Internet, HeadersBeyondWhatOffsetsCanTell) {
  // Sixteen options headers of 2,048 bytes; twice that, by way of the frame's offset.
  Bytes headers;
  for (int i = 0; i < 16; ++i) headers = headers + extension(i == 15 ? 6 : 60, 255, 2048);
  const Bytes packet = ipv6(60, headers + tcp(hello));
  const auto near = decode_whole(packet, LinkType::raw_ip);
  ASSERT_EQ(near.status, DecodeStatus::ok);
  EXPECT_EQ(near.decoded.payload_offset, 40 + 16 * 2048 + 20);
  const Bytes far = zeros(0x9000) + packet;
  Decoded decoded;
  EXPECT_EQ(decode({far, far.size(), LinkType::raw_ip, 0x9000}, decoded), DecodeStatus::malformed);
  const Bytes further = zeros(0xffff) + ethernet(0x0800) + ipv4(6, tcp(hello));
  EXPECT_EQ(decode({further, further.size(), LinkType::ethernet, 0xffff}, decoded), DecodeStatus::malformed);
}

}  // namespace
}  // namespace iris::parsers::packet
