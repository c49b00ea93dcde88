// Frames for the tests of this folder, header by header: `ethernet(0x0800) + ipv4(6, tcp(hello))`.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <iris/l4_pdu.hpp>

#include "parsers/packet/decode.hpp"

namespace iris::parsers::packet::test {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::array<std::uint8_t, 4> client4{10, 1, 2, 3};
inline constexpr std::array<std::uint8_t, 4> server4{192, 0, 2, 9};
inline constexpr std::array<std::uint8_t, 16> client6{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
inline constexpr std::array<std::uint8_t, 16> server6{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};

inline void put16(Bytes& bytes, std::size_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8U));
  bytes.push_back(static_cast<std::uint8_t>(value));
}
inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
inline Bytes zeros(std::size_t count) { return Bytes(count, 0); }
inline const Bytes hello{'h', 'e', 'l', 'l', 'o'};

inline Bytes ethernet(std::size_t type, std::initializer_list<std::pair<std::size_t, std::size_t>> tags = {}) {
  Bytes frame{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  for (const auto& [tag, id] : tags) {
    put16(frame, tag);
    put16(frame, id);
  }
  put16(frame, type);
  return frame;
}

inline Bytes ipv4(std::uint8_t protocol, const Bytes& payload, const Bytes& options = {}) {
  Bytes packet;
  packet.push_back(static_cast<std::uint8_t>(0x40U | (5 + options.size() / 4)));
  packet.push_back(0);
  put16(packet, 20 + options.size() + payload.size());
  for (const int byte : {0, 1, 0x40, 0, 64}) packet.push_back(static_cast<std::uint8_t>(byte));  // don't fragment
  packet.push_back(protocol);
  put16(packet, 0);
  packet.insert(packet.end(), client4.begin(), client4.end());
  packet.insert(packet.end(), server4.begin(), server4.end());
  return packet + options + payload;
}

inline Bytes ipv6(std::uint8_t next, const Bytes& payload) {
  Bytes packet{0x60, 0, 0, 0};
  put16(packet, payload.size());
  packet.push_back(next);
  packet.push_back(64);
  packet.insert(packet.end(), client6.begin(), client6.end());
  packet.insert(packet.end(), server6.begin(), server6.end());
  return packet + payload;
}

inline Bytes tcp(const Bytes& payload, const Bytes& options = {}) {
  Bytes segment;
  put16(segment, 50000);
  put16(segment, 443);
  segment = segment + Bytes{1, 2, 3, 4, 5, 6, 7, 8};
  segment.push_back(static_cast<std::uint8_t>((5 + options.size() / 4) << 4U));
  segment.push_back(tcp_flag::ack | tcp_flag::psh);
  put16(segment, 0x1000);
  return segment + zeros(4) + options + payload;
}

inline Bytes udp(const Bytes& payload, std::uint16_t destination = 53, std::uint16_t source = 5353) {
  Bytes datagram;
  put16(datagram, source);
  put16(datagram, destination);
  put16(datagram, 8 + payload.size());
  return datagram + zeros(2) + payload;
}

// An 802.3 frame of that content, and an IP packet in SNAP.
inline Bytes ieee_802_3(const Bytes& content) { return ethernet(content.size()) + content; }
inline Bytes snap(std::size_t type, const Bytes& packet) {
  Bytes header{0xaa, 0xaa, 3, 0, 0, 0};
  put16(header, type);
  return header + packet;
}
// A session's packet; `protocol` may be compressed to one byte.
inline Bytes pppoe(const Bytes& protocol, const Bytes& packet) {
  Bytes header{0x11, 0, 0x12, 0x34};
  put16(header, protocol.size() + packet.size());
  return header + protocol + packet;
}
inline Bytes label(std::uint8_t value, bool bottom) {
  return {0, value, static_cast<std::uint8_t>(bottom ? 1 : 0), 64};
}
inline Bytes gre(std::size_t flags, std::size_t type, const Bytes& rest) {
  Bytes header;
  put16(header, flags);
  put16(header, type);
  return header + rest;
}
inline Bytes vxlan(std::uint8_t network, const Bytes& frame) { return Bytes{8, 0, 0, 0, 0, 0, network, 0} + frame; }
inline Bytes gtp_u(std::uint8_t endpoint, const Bytes& packet) {
  Bytes header{0x30, 0xff};
  put16(header, packet.size());
  return header + Bytes{0, 0, 0, endpoint} + packet;
}

struct Result {
  DecodeStatus status = DecodeStatus::ok;
  Decoded decoded;
};
// `bytes` in a block of its own length, so that AddressSanitizer sees reads beyond it.
inline Result decode_exact(std::span<const std::uint8_t> bytes, std::size_t wire_length,
                           LinkType link = LinkType::ethernet) {
  const auto copy = std::make_unique<std::uint8_t[]>(bytes.size());
  std::ranges::copy(bytes, copy.get());
  Result result;
  result.status = decode({{copy.get(), bytes.size()}, wire_length, link}, result.decoded);
  return result;
}
inline Result decode_whole(const Bytes& bytes, LinkType link = LinkType::ethernet) {
  return decode_exact(bytes, bytes.size(), link);
}

// Of TCP or UDP that carries `hello`. Cut off by the capture it is truncated until its first `headers` bytes are there,
// then ok with the rest missing; as a whole packet each prefix is safe, and claims no bytes that it does not have.
inline void expect_every_prefix(const Bytes& bytes, std::size_t headers, LinkType link = LinkType::ethernet) {
  const Decoded whole = decode_whole(bytes, link).decoded;
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    SCOPED_TRACE(testing::Message() << length << " of " << bytes.size());
    const auto [status, decoded] = decode_exact(std::span(bytes).first(length), bytes.size(), link);
    ASSERT_EQ(status, length < headers ? DecodeStatus::truncated : DecodeStatus::ok);
    if (status == DecodeStatus::ok) {
      EXPECT_LE(decoded.payload_offset + decoded.payload_length, length);
      EXPECT_EQ(decoded.wire_payload_length, hello.size());
      EXPECT_EQ(decoded.src_port, whole.src_port);
      EXPECT_EQ(decoded.sequence, whole.sequence);
    }
    const auto alone = decode_exact(std::span(bytes).first(length), length, link);
    EXPECT_NE(alone.status, DecodeStatus::truncated);
    if (alone.status == DecodeStatus::ok) EXPECT_EQ(alone.decoded.missing(), 0U);
  }
}

}  // namespace iris::parsers::packet::test
