// What authors read of a packet's own bytes: IP headers, ICMP, what an ICMP error quotes.
#include <iris/frame.hpp>

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <vector>

#include "tests/support/bytes.hpp"

namespace iris {
namespace {

using support::Bytes;
using support::operator+;

Bytes zeros(std::size_t count) { return Bytes(count); }

Bytes v4(Transport transport, std::uint16_t fragment = 0, const Bytes& options = {}) {
  return support::ipv4_header(transport, {.fragment = fragment, .options = options});
}

Bytes v6(std::uint8_t next) {
  Bytes header = Bytes{0x60, 0, 0, 0, 0, 0, next, 64} + zeros(32);
  header[8] = header[24] = 0x20;
  header[23] = 1;
  header[39] = 2;
  return header;
}

Bytes ports(std::uint16_t from, std::uint16_t to) {
  return {static_cast<std::uint8_t>(from >> 8), static_cast<std::uint8_t>(from), static_cast<std::uint8_t>(to >> 8),
          static_cast<std::uint8_t>(to)};
}

// Of a block of its own, so that AddressSanitizer finds what reads beyond it.
struct Exact {
  explicit Exact(const Bytes& bytes, std::size_t size) : block(new std::uint8_t[size]), span(block.get(), size) {
    std::copy_n(bytes.begin(), size, block.get());
  }
  explicit Exact(const Bytes& bytes) : Exact(bytes, bytes.size()) {}
  std::unique_ptr<std::uint8_t[]> block;
  std::span<const std::uint8_t> span;
};

Frame message(Transport transport, std::span<const std::uint8_t> payload) {
  Frame frame;
  frame.payload = payload;
  frame.transport = transport;
  frame.status = FrameStatus::ip;
  return frame;
}

// ---- IP headers

TEST(IpHeader, Version4) {
  const Exact bytes(v4(Transport::Udp, 0, zeros(8)) + ports(1, 2));
  const auto header = read_ip_header(bytes.span);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->version, IpVersion::V4);
  EXPECT_EQ(header->transport, Transport::Udp);
  EXPECT_EQ(header->length, 28U);
  EXPECT_EQ(header->src, IpAddress::v4({192, 0, 2, 1}));
  EXPECT_EQ(header->dst, IpAddress::v4({198, 51, 100, 7}));
  EXPECT_FALSE(header->is_fragment());
}

TEST(IpHeader, Fragments) {
  const auto first = read_ip_header(v4(Transport::Udp, 0x2000));
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->is_fragment());
  EXPECT_TRUE(first->more_fragments);
  EXPECT_EQ(first->fragment_offset, 0);
  const auto last = read_ip_header(v4(Transport::Udp, 185));
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->is_fragment());
  EXPECT_FALSE(last->more_fragments);
  EXPECT_EQ(last->fragment_offset, 1480);
  EXPECT_EQ(read_ip_header(v4(Transport::Udp, 0x1fff))->fragment_offset, 65528);
}

TEST(IpHeader, Version6WithExtensions) {
  const Bytes hop_by_hop = Bytes{43, 0} + zeros(6);
  const Bytes routing = Bytes{44, 1} + zeros(14);
  const Bytes atomic_fragment = Bytes{60, 0} + zeros(6);  // RFC 6946
  const Bytes options = Bytes{51, 0} + zeros(6);
  const Bytes authentication = Bytes{17, 4} + zeros(22);
  const auto header =
      read_ip_header(Exact(v6(0) + hop_by_hop + routing + atomic_fragment + options + authentication).span);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->version, IpVersion::V6);
  EXPECT_EQ(header->transport, Transport::Udp);
  EXPECT_EQ(header->length, 40U + 8 + 16 + 8 + 8 + 24);
  EXPECT_EQ(header->src.bytes[15], 1);
  EXPECT_EQ(header->dst.bytes[15], 2);
  EXPECT_FALSE(header->is_fragment());
}

TEST(IpHeader, NothingIsReadOfALaterFragment) {
  const auto header = read_ip_header(v6(44) + Bytes{60, 0, 0x05, 0xc9, 0, 0, 0, 1} + zeros(8));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->transport, Transport{60});
  EXPECT_EQ(header->length, 48U);
  EXPECT_EQ(header->fragment_offset, 1480);
  EXPECT_TRUE(header->more_fragments);
}

TEST(IpHeader, AuthenticationInVersion4) {
  const auto header = read_ip_header(v4(Transport{51}) + Bytes{6, 4} + zeros(22));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->transport, Transport::Tcp);
  EXPECT_EQ(header->length, 44U);
  EXPECT_EQ(read_ip_header(v4(Transport{60}))->transport, Transport{60});  // IPv6's only
}

TEST(IpHeader, WhatIsNotThereInFullIsNone) {
  const Bytes longest = v6(0) + Bytes{51, 1} + zeros(14) + Bytes{17, 4} + zeros(22);
  for (std::size_t size = 0; size < longest.size(); ++size) {
    EXPECT_FALSE(read_ip_header(Exact(longest, size).span)) << size;
  }
  EXPECT_TRUE(read_ip_header(longest));
  const Bytes options = v4(Transport::Tcp, 0, zeros(8));
  for (std::size_t size = 0; size < options.size(); ++size) {
    EXPECT_FALSE(read_ip_header(Exact(options, size).span)) << size;
  }
  EXPECT_TRUE(read_ip_header(options));
}

TEST(IpHeader, WhatContradictsItselfIsNone) {
  Bytes bytes = v4(Transport::Tcp);
  bytes[0] = 0x44;
  EXPECT_FALSE(read_ip_header(bytes));  // shorter than a header
  bytes[0] = 0x75;
  EXPECT_FALSE(read_ip_header(bytes));  // another version
  Bytes endless = v6(60);
  for (int i = 0; i < 20; ++i) endless = endless + Bytes{60, 0} + zeros(6);
  EXPECT_FALSE(read_ip_header(endless));
}

// ---- frames

TEST(Frame, KnowsWhatItIs) {
  Frame frame;
  frame.status = FrameStatus::not_ip;
  EXPECT_FALSE(frame.has_ip());
  EXPECT_FALSE(frame.version());
  EXPECT_FALSE(frame.tuple());
  for (const auto status : {FrameStatus::truncated, FrameStatus::malformed}) {
    frame.status = status;
    EXPECT_FALSE(frame.has_ip());
  }
  for (const auto status : {FrameStatus::transport, FrameStatus::ip, FrameStatus::fragment}) {
    frame.status = status;
    EXPECT_TRUE(frame.has_ip());
    EXPECT_EQ(frame.is_fragment(), status == FrameStatus::fragment);
  }
  frame.src_ip = IpAddress::v4({192, 0, 2, 1});
  frame.dst_ip = IpAddress::v4({192, 0, 2, 2});
  frame.dst_port = 2905;
  frame.transport = Transport::Sctp;
  EXPECT_EQ(frame.version(), IpVersion::V4);
  EXPECT_EQ(frame.tuple(), (FiveTuple{{frame.src_ip, 0}, {frame.dst_ip, 2905}, Transport::Sctp}));
}

TEST(Frame, IsTruncatedWhereTheWireHadMore) {
  const Bytes bytes = zeros(60);
  Frame frame;
  frame.bytes = bytes;
  frame.wire_length = 60;
  EXPECT_FALSE(frame.is_truncated());
  frame.wire_length = 61;
  EXPECT_TRUE(frame.is_truncated());
}

TEST(Icmp, IsRead) {
  const Exact echo({8, 0, 0, 0, 0x12, 0x34, 0x00, 0x05});
  const auto icmp = message(Transport::Icmp, echo.span).icmp();
  ASSERT_TRUE(icmp);
  EXPECT_EQ(icmp->type, 8);
  EXPECT_EQ(icmp->code, 0);
  EXPECT_EQ(icmp->rest, 0x12340005U);
}

TEST(Icmp, IsNotRead) {
  const Bytes bytes{8, 0, 0, 0, 1, 2, 3, 4};
  EXPECT_FALSE(message(Transport::Udp, bytes).icmp());
  EXPECT_FALSE(message(Transport::Icmpv6, Exact(bytes, 3).span).icmp());
  Frame later = message(Transport::Icmp, bytes);
  later.status = FrameStatus::fragment;
  EXPECT_TRUE(later.icmp());
  later.fragment_offset = 1480;
  EXPECT_FALSE(later.icmp());
  Frame other = message(Transport::Icmp, bytes);
  other.status = FrameStatus::malformed;
  EXPECT_FALSE(other.icmp());
}

TEST(Icmp, QuotesThePacketThatItIsAbout) {
  const Exact bytes(Bytes{3, 3, 0, 0, 0, 0, 0, 0} + v4(Transport::Udp) + ports(40000, 53) + zeros(4));
  EXPECT_EQ(
      message(Transport::Icmp, bytes.span).quoted(),
      (FiveTuple{{IpAddress::v4({192, 0, 2, 1}), 40000}, {IpAddress::v4({198, 51, 100, 7}), 53}, Transport::Udp}));
}

TEST(Icmp, QuotesVersion6WithExtensions) {
  const Exact bytes(Bytes{1, 4, 0, 0, 0, 0, 0, 0} + v6(0) + Bytes{6, 0} + zeros(6) + ports(40000, 443));
  const auto quoted = message(Transport::Icmpv6, bytes.span).quoted();
  ASSERT_TRUE(quoted);
  EXPECT_EQ(quoted->responder.port, 443);
  EXPECT_EQ(quoted->originator.ip.bytes[15], 1);
  EXPECT_EQ(quoted->transport, Transport::Tcp);
}

TEST(Icmp, QuotesAsMuchAsThereIs) {
  const Bytes whole = Bytes{11, 0, 0, 0, 0, 0, 0, 0} + v4(Transport::Tcp) + ports(40000, 443);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    SCOPED_TRACE(size);
    const Exact bytes(whole, size);
    const auto quoted = message(Transport::Icmp, bytes.span).quoted();
    ASSERT_EQ(quoted.has_value(), size >= 28);
    if (quoted) EXPECT_EQ(quoted->responder.port, size == whole.size() ? 443 : 0);
  }
}

TEST(Icmp, QuotedPortsAreOfThoseThatHaveAny) {
  const auto port_of = [](Transport transport, std::uint16_t fragment) {
    const Bytes bytes = Bytes{3, 1, 0, 0, 0, 0, 0, 0} + v4(transport, fragment) + ports(1, 2);
    return message(Transport::Icmp, bytes).quoted()->responder.port;
  };
  EXPECT_EQ(port_of(Transport::Sctp, 0), 2);
  EXPECT_EQ(port_of(Transport{136}, 0), 2);
  EXPECT_EQ(port_of(Transport::Udp, 0x2000), 2);
  EXPECT_EQ(port_of(Transport::Udp, 1), 0);
  EXPECT_EQ(port_of(Transport::Icmp, 0), 0);
  EXPECT_EQ(port_of(Transport::Esp, 0), 0);
}

TEST(Icmp, OnlyErrorsQuote) {
  const auto quotes = [](Transport transport, unsigned type) {
    const Bytes bytes = Bytes{static_cast<std::uint8_t>(type), 0, 0, 0, 0, 0, 0, 0} + v4(Transport::Udp) + ports(1, 2);
    return message(transport, bytes).quoted().has_value();
  };
  for (unsigned type = 0; type < 256; ++type) {
    SCOPED_TRACE(type);
    EXPECT_EQ(quotes(Transport::Icmp, type), type == 3 || type == 4 || type == 5 || type == 11 || type == 12);
    EXPECT_EQ(quotes(Transport::Icmpv6, type), type > 0 && type < 128);
    EXPECT_FALSE(quotes(Transport::Tcp, type));
  }
}

}  // namespace
}  // namespace iris
