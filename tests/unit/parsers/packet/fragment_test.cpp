// Where fragments belong, as their headers say, and the headers of the datagrams they make.
#include "parsers/packet/fragment.hpp"

#include <gtest/gtest.h>

#include "parsers/bytes.hpp"
#include "tests/support/fragment_packets.hpp"

namespace iris::parsers::packet {
namespace {

using fragments::Bytes;
using fragments::Piece;

constexpr std::size_t network = 14;

std::optional<Fragment> read(const Bytes& frame, std::size_t wire_length, IpVersion version) {
  const Bytes exact(frame);  // AddressSanitizer sees every byte behind it
  return read_fragment({exact, wire_length}, network, version);
}
std::optional<Fragment> read(const Piece& piece) {
  const Bytes frame = fragments::frame_of(piece);
  return read(frame, frame.size(), piece.version);
}
Piece in_ipv6(std::uint8_t first, const Bytes& extensions) {
  Piece piece{.version = IpVersion::V6, .id = 0xfedcba98, .offset = 16, .more = true, .bytes = Bytes(24, 'x')};
  piece.first_extension = first;
  piece.extensions = extensions;
  return piece;
}

TEST(Fragment, OfIpv4) {
  const auto fragment = read({.id = 0xabcd,
                              .protocol = 6,
                              .offset = 1480,
                              .more = true,
                              .bytes = Bytes(16, 'x'),
                              .options = Bytes(8),
                              .padding = 9});
  ASSERT_TRUE(fragment);
  EXPECT_EQ(fragment->id, 0xabcdu);
  EXPECT_EQ(fragment->header, 28u);
  EXPECT_EQ(fragment->begin, network + 28);
  EXPECT_EQ(fragment->length, 16u);
  EXPECT_EQ(fragment->captured, 16u);
  EXPECT_EQ(fragment->offset, 1480u);
  EXPECT_EQ(fragment->end(), 1496u);
  EXPECT_EQ(fragment->protocol, 6);
  EXPECT_TRUE(fragment->more);
}

TEST(Fragment, OfIpv6) {
  const auto fragment = read(in_ipv6(44, {}));
  ASSERT_TRUE(fragment);
  EXPECT_EQ(fragment->id, 0xfedcba98u);
  EXPECT_EQ(fragment->header, 40u);
  EXPECT_EQ(fragment->begin, network + 48);
  EXPECT_EQ(fragment->length, 24u);
  EXPECT_EQ(fragment->offset, 16u);
  EXPECT_EQ(fragment->next_at, 6u);
  EXPECT_EQ(fragment->protocol, 17);
  EXPECT_TRUE(fragment->more);
}

TEST(Fragment, BehindExtensionHeaders) {
  struct Case {
    std::uint8_t first;
    Bytes extensions;
    std::uint32_t next_at;
  };
  Bytes authentication(24, 0);  // RFC 4302: counted in units of 4, less 2
  authentication[0] = 44;
  authentication[1] = 4;
  for (const auto& [first, extensions, next_at] :
       {Case{0, {44, 0, 1, 4, 0, 0, 0, 0}, 40},                                                    // hop-by-hop
        Case{60, {43, 0, 1, 4, 0, 0, 0, 0, 44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 48},  // and routing
        Case{51, authentication, 40}}) {
    const auto fragment = read(in_ipv6(first, extensions));
    ASSERT_TRUE(fragment);
    EXPECT_EQ(fragment->header, 40 + extensions.size());
    EXPECT_EQ(fragment->begin, network + 48 + extensions.size());
    EXPECT_EQ(fragment->length, 24u);
    EXPECT_EQ(fragment->next_at, next_at);
  }
}

TEST(Fragment, CapturedInPart) {
  for (const IpVersion version : {IpVersion::V4, IpVersion::V6}) {
    const Bytes frame = fragments::frame_of({.version = version, .offset = 8, .bytes = Bytes(21, 'x')});
    const std::size_t headers = frame.size() - 21;
    for (std::size_t length = 0; length < frame.size(); ++length) {
      const auto fragment =
          read(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length)), frame.size(), version);
      ASSERT_EQ(fragment.has_value(), length >= headers) << length;
      if (!fragment) continue;
      EXPECT_EQ(fragment->length, 21u);
      EXPECT_EQ(fragment->captured, length - headers);
    }
  }
}

TEST(Fragment, WithOptionsCutOff) {
  const Bytes frame = fragments::frame_of({.offset = 8, .bytes = Bytes(16, 'x'), .options = Bytes(12)});
  EXPECT_FALSE(read(Bytes(frame.begin(), frame.begin() + network + 31), frame.size(), IpVersion::V4));
  EXPECT_TRUE(read(Bytes(frame.begin(), frame.begin() + network + 32), frame.size(), IpVersion::V4));
}

TEST(Fragment, WhatIsNone) {
  EXPECT_FALSE(read({.bytes = Bytes(16)})) << "a whole datagram";
  EXPECT_FALSE(read({.version = IpVersion::V6, .bytes = Bytes(16)})) << "an atomic fragment (RFC 6946)";
  EXPECT_FALSE(read(in_ipv6(17, {}))) << "no fragment header";
  EXPECT_FALSE(read(in_ipv6(0, {17, 0, 0, 0, 0, 0, 0, 0}))) << "nor behind an extension";
  EXPECT_FALSE(read(in_ipv6(0, {44, 255, 0, 0, 0, 0, 0, 0}))) << "an extension longer than the frame";
  Piece other = in_ipv6(44, {});
  Bytes frame = fragments::frame_of(other);
  EXPECT_FALSE(read(frame, frame.size(), IpVersion::V4));
  frame = fragments::frame_of({.offset = 8, .bytes = Bytes(16)});
  EXPECT_FALSE(read(frame, frame.size(), IpVersion::V6));
}

TEST(Fragment, ThatNoDatagramCanHave) {
  for (const IpVersion version : {IpVersion::V4, IpVersion::V6}) {
    const std::size_t most = 65535 - (version == IpVersion::V4 ? 20 : 40);
    const std::size_t last = most / 8 * 8;
    EXPECT_FALSE(read({.version = version, .offset = 8, .bytes = {}})) << "no bytes";
    EXPECT_FALSE(read({.version = version, .more = true, .bytes = {}})) << "no bytes";
    EXPECT_FALSE(read({.version = version, .more = true, .bytes = Bytes(15)})) << "not a multiple of 8";
    EXPECT_TRUE(read({.version = version, .offset = 8, .bytes = Bytes(15)})) << "but at the end";
    EXPECT_TRUE(read({.version = version, .offset = last, .bytes = Bytes(most - last)}));
    EXPECT_FALSE(read({.version = version, .offset = last, .bytes = Bytes(most - last + 1)})) << "too long";
    EXPECT_FALSE(read({.version = version, .offset = 65528, .bytes = Bytes(1000)})) << "far too long";

    const Bytes frame = fragments::frame_of({.version = version, .offset = 8, .bytes = Bytes(16)});
    EXPECT_FALSE(read(Bytes(frame.begin(), frame.end() - 1), frame.size() - 1, version)) << "more than was on the wire";
    Bytes without = frame;
    const std::size_t length = network + (version == IpVersion::V4 ? 2 : 4);
    without[length] = without[length + 1] = 0;
    EXPECT_FALSE(read(without, without.size(), version)) << "states no length";
  }
}

TEST(WholeHeader, OfIpv4) {
  const Bytes frame = fragments::frame_of({.id = 0xabcd, .more = true, .bytes = Bytes(16), .options = Bytes(4, 1)});
  const auto first = read(frame, frame.size(), IpVersion::V4);
  ASSERT_TRUE(first);
  Bytes header(frame.begin() + network, frame.begin() + network + 24);
  header[6] |= 0xc0U;  // reserved, and don't fragment
  make_whole(header, *first, 4000);
  EXPECT_EQ(load16(&header[2]), 4024);
  EXPECT_EQ(load16(&header[4]), 0xabcd);
  EXPECT_EQ(load16(&header[6]), 0xc000);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < header.size(); i += 2) sum += load16(&header[i]);
  EXPECT_EQ((sum & 0xffffU) + (sum >> 16U), 0xffffu);
}

TEST(WholeHeader, OfIpv6) {
  Piece piece = in_ipv6(60, {44, 0, 1, 4, 0, 0, 0, 0});
  piece.offset = 0;
  const Bytes frame = fragments::frame_of(piece);
  const auto first = read(frame, frame.size(), IpVersion::V6);
  ASSERT_TRUE(first);
  Bytes header(frame.begin() + network, frame.begin() + network + 48);
  make_whole(header, *first, 4000);
  EXPECT_EQ(load16(&header[4]), 4008);
  EXPECT_EQ(header[6], 60);
  EXPECT_EQ(header[40], 17);
}

}  // namespace
}  // namespace iris::parsers::packet
