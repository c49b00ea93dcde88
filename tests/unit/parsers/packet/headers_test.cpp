#include "parsers/packet/headers.hpp"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/parsers/packet/frames.hpp"

namespace iris::parsers::packet {
namespace {

using namespace test;

Headers headers_of(const Bytes& bytes, LinkType link = LinkType::ethernet) {
  const Frame frame{bytes, bytes.size(), link};
  Decoded decoded;
  const DecodeStatus status = decode(frame, decoded);
  return read_headers(frame, status, decoded);
}

Bytes written(std::initializer_list<int> numbers) {
  Bytes bytes;
  for (const int number : numbers) bytes.push_back(static_cast<std::uint8_t>(number));
  return bytes;
}

// Dst, src, type.
const Bytes tagged = written({0x00, 0x1b, 0x21, 0x3c, 0x4d, 0x5e, 0x02, 0,   0, 0, 0, 0x01, 0x81, 0x00,  //
                              0xb0, 0x64, 0x88, 0xa8, 0x20, 0x05, 0x08, 0x00});
const Bytes ipv4_header = written({0x46, 0xb9, 0x00, 0x2c, 0xab, 0xcd, 0x40, 0x00, 0x3f, 0x06, 0x12, 0x34,  //
                                   192,  0,    2,    1,    192,  0,    2,    2,    1,    1,    1,    1});
const Bytes tcp_header =
    written({0x01, 0xbb, 0x00, 0x50, 1, 2, 3, 4, 5, 6, 7, 8, 0x51, 0x52, 0xff, 0xf0, 0xbe, 0xef,  //
             0x00, 0x07});

TEST(Headers, OfATaggedFrame) {
  const Headers headers = headers_of(tagged + ipv4_header + tcp_header);
  ASSERT_TRUE(headers.ethernet && headers.vlan && headers.vlan_control);
  EXPECT_EQ(headers.ethernet_dst, 0x001b213c4d5eU);
  EXPECT_EQ(headers.ethernet_src, 0x020000000001U);
  EXPECT_EQ(headers.ether_type, 0x8100);
  EXPECT_EQ(headers.vlan_ids[0], 100);
  EXPECT_EQ(headers.vlan_ids[1], 5);
  EXPECT_EQ(headers.vlan_priority, 5);
  EXPECT_EQ(headers.vlan_dei, 1);
  EXPECT_EQ(headers.vlan_tci, 0xb064);
}

TEST(Headers, OfIpv4) {
  const Headers headers = headers_of(tagged + ipv4_header + tcp_header);
  ASSERT_TRUE(headers.ipv4);
  EXPECT_FALSE(headers.ipv6);
  EXPECT_EQ(headers.version_ihl, 0x46);
  EXPECT_EQ(headers.ihl, 6);
  EXPECT_EQ(headers.type_of_service, 0xb9);
  EXPECT_EQ(headers.dscp, 46);
  EXPECT_EQ(headers.ecn, 1);
  EXPECT_EQ(headers.total_length, 44);
  EXPECT_EQ(headers.identification, 0xabcd);
  EXPECT_EQ(headers.flags_to_fragment_offset, 0x4000);
  EXPECT_EQ(headers.ip_flags, 2);
  EXPECT_EQ(headers.df, 1);
  EXPECT_EQ(headers.rf + headers.mf + headers.fragment_offset, 0);
  EXPECT_EQ(headers.time_to_live, 63);
  EXPECT_EQ(headers.protocol, 6);
  EXPECT_EQ(headers.header_checksum, 0x1234);
}

TEST(Headers, OfTcp) {
  const Headers headers = headers_of(tagged + ipv4_header + tcp_header);
  ASSERT_TRUE(headers.tcp);
  EXPECT_FALSE(headers.udp || headers.icmp);
  EXPECT_EQ(headers.sequence, 0x01020304U);
  EXPECT_EQ(headers.acknowledgement, 0x05060708U);
  EXPECT_EQ(headers.data_offset, 5);
  EXPECT_EQ(headers.data_offset_to_ns, 0x51);
  EXPECT_EQ(headers.ns, 1);
  EXPECT_EQ(headers.reserved, 0);
  EXPECT_EQ(headers.tcp_flags, 0x52);
  EXPECT_EQ(headers.syn + headers.ack + headers.synack + headers.ece, 4);
  EXPECT_EQ(headers.cwr + headers.urg + headers.psh + headers.rst + headers.fin, 0);
  EXPECT_EQ(headers.window, 0xfff0);
  EXPECT_EQ(headers.tcp_checksum, 0xbeef);
  EXPECT_EQ(headers.urgent_pointer, 7);
}

TEST(Headers, OfIpv6AndUdp) {
  Bytes six = ipv6(17, udp(hello));
  six[0] = 0x6b;
  six[1] = 0x91;
  six[2] = 0x23;
  six[3] = 0x45;
  const Headers headers = headers_of(ethernet(0x86dd) + six);
  ASSERT_TRUE(headers.ipv6 && headers.udp);
  EXPECT_FALSE(headers.ipv4 || headers.vlan || headers.vlan_control || headers.tcp);
  EXPECT_EQ(headers.version_to_flow_label, 0x6b912345U);
  EXPECT_EQ(headers.traffic_class, 0xb9);
  EXPECT_EQ(headers.dscp, 46);
  EXPECT_EQ(headers.ecn, 1);
  EXPECT_EQ(headers.flow_label, 0x12345U);
  EXPECT_EQ(headers.payload_length, 8 + hello.size());
  EXPECT_EQ(headers.next_header, 17);
  EXPECT_EQ(headers.hop_limit, six[7]);
  EXPECT_EQ(headers.udp_length, 8 + hello.size());
}

TEST(Headers, OfIcmp) {
  const Headers echo = headers_of(ethernet(0x0800) + ipv4(1, written({8, 0, 0x12, 0x34, 0xab, 0xcd, 0, 9})));
  ASSERT_TRUE(echo.icmp && echo.icmp_echo);
  EXPECT_EQ(echo.icmp_checksum, 0x1234);
  EXPECT_EQ(echo.icmp_identifier, 0xabcd);
  EXPECT_EQ(echo.icmp_sequence, 9);
  const Headers unreachable = headers_of(ethernet(0x0800) + ipv4(1, written({3, 0, 0, 0, 0, 0, 0, 0})));
  EXPECT_TRUE(unreachable.icmp && !unreachable.icmp_echo);
}

TEST(Headers, AreAbsentWhereTheyAreNot) {
  const Headers raw = headers_of(ipv4(6, tcp(hello)), LinkType::raw_ip);
  EXPECT_TRUE(raw.ipv4 && raw.tcp && !raw.ethernet);
  const Headers arp = headers_of(ethernet(0x0806) + zeros(28));
  EXPECT_TRUE(arp.ethernet && !arp.ipv4 && !arp.tcp);
  EXPECT_EQ(arp.ether_type, 0x0806);

  Bytes fragment = ethernet(0x0800) + ipv4(6, tcp(hello));
  fragment[14 + 6] = 0x20;  // more of them
  const Headers first = headers_of(fragment);
  EXPECT_TRUE(first.ipv4 && first.mf == 1 && !first.tcp);
  EXPECT_FALSE(headers_of({}).ethernet);
}

// Whatever the bytes are, nothing beyond them is read: sanitizers watch.
TEST(Headers, OfCutFrames) {
  const Bytes whole = tagged + ipv4_header + tcp_header;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Headers headers = headers_of(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_FALSE(headers.tcp) << size;
    EXPECT_EQ(headers.ethernet, size >= 14);
  }
}

}  // namespace
}  // namespace iris::parsers::packet
