// IP and what it carries. The way of most packets, IPv4 without options carrying TCP, is straight-line code to be
// inlined: each step checks, reads and falls through to the next; whatever is rarer is out of line. Internal to
// parsers/packet.
#pragma once

#include <array>
#include <cstring>

#include "parsers/packet/extent.hpp"

namespace iris::parsers::packet {

inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;
inline constexpr std::size_t tcp_header = 20;
inline constexpr std::size_t udp_header = 8;

// Where an IP header or a transport header begins at the latest: a Decoded's offsets have 16 bits, and no packet has so
// many headers.
inline constexpr std::size_t furthest_header = 0xff00;

// These are out of line and take their extent by value: a reference would keep it out of registers in what is inlined.
//
// RFC 8200. `offset` is at most furthest_header.
[[nodiscard]] DecodeStatus decode_ipv6(Extent packet, std::size_t offset, Decoded& decoded) noexcept;
// Neither TCP nor UDP in IPv4.
[[nodiscard]] DecodeStatus decode_other(std::uint8_t protocol, Extent datagram, std::size_t offset,
                                        Decoded& decoded) noexcept;
// A piece of a datagram that carries `protocol`; `offset` is where the piece begins.
[[nodiscard]] DecodeStatus decode_fragment(std::uint8_t protocol, Extent datagram, std::size_t offset,
                                           Decoded& decoded) noexcept;

inline void set_payload(const Extent& datagram, std::size_t begin, std::size_t end, Decoded& decoded) noexcept {
  const std::size_t captured_begin = std::min(begin, datagram.captured);
  decoded.payload_offset = static_cast<std::uint16_t>(captured_begin);
  decoded.payload_length = static_cast<std::uint32_t>(std::min(end, datagram.captured) - captured_begin);
  decoded.wire_payload_length = static_cast<std::uint32_t>(end - begin);
}

// RFC 9293, 3.1.
[[nodiscard, gnu::always_inline]] inline DecodeStatus decode_tcp(const Extent& datagram, std::size_t offset,
                                                                 Decoded& decoded) noexcept {
  if (!datagram.has(offset, tcp_header)) [[unlikely]] {
    return too_short(offset + tcp_header, datagram.end);
  }
  const std::uint8_t* header = datagram.frame + offset;
  const std::size_t header_length = std::size_t{header[12]} >> 4U << 2U;
  if (header_length < tcp_header || offset + header_length > datagram.end) [[unlikely]] {
    return DecodeStatus::malformed;
  }
  decoded.transport = Transport::Tcp;
  decoded.transport_offset = static_cast<std::uint16_t>(offset);
  decoded.src_port = load16(header);
  decoded.dst_port = load16(header + 2);
  decoded.sequence = load32(header + 4);
  decoded.acknowledgement = load32(header + 8);
  decoded.flags = header[13];
  decoded.window = load16(header + 14);
  decoded.urgent = 0;
  if ((header[13] & tcp_flag::urg) != 0) [[unlikely]] {
    decoded.urgent = load16(header + 18);
  }
  set_payload(datagram, offset + header_length, datagram.end, decoded);
  return DecodeStatus::ok;
}

// RFC 768. Length 0 is a jumbogram's (RFC 2675, 4), and segmentation offload's.
[[nodiscard, gnu::always_inline]] inline DecodeStatus decode_udp(const Extent& datagram, std::size_t offset,
                                                                 Decoded& decoded) noexcept {
  if (!datagram.has(offset, udp_header)) [[unlikely]] {
    return too_short(offset + udp_header, datagram.end);
  }
  const std::uint8_t* header = datagram.frame + offset;
  const std::size_t length = load16(header + 4);
  if (length != 0 && length < udp_header) [[unlikely]] {
    return DecodeStatus::malformed;
  }
  const std::size_t end = length == 0 ? datagram.end : std::min(datagram.end, offset + length);
  decoded.transport = Transport::Udp;
  decoded.transport_offset = static_cast<std::uint16_t>(offset);
  decoded.src_port = load16(header);
  decoded.dst_port = load16(header + 2);
  decoded.sequence = decoded.acknowledgement = 0;
  decoded.window = decoded.urgent = 0;
  decoded.flags = 0;
  set_payload(datagram, offset + udp_header, end, decoded);
  return DecodeStatus::ok;
}

// RFC 791, 3.1. `offset` is at most furthest_header.
[[nodiscard, gnu::always_inline]] inline DecodeStatus decode_ipv4(const Extent& packet, std::size_t offset,
                                                                  Decoded& decoded) noexcept {
  if (!packet.has(offset, ipv4_header)) [[unlikely]] {
    return too_short(offset + ipv4_header, packet.end);
  }
  const std::uint8_t* header = packet.frame + offset;
  const std::size_t header_length = (header[0] & 0x0fU) << 2U;
  const std::size_t total_length = load16(header + 2);
  if ((header[0] >> 4U) != 4 || header_length < ipv4_header || (total_length != 0 && total_length < header_length))
      [[unlikely]] {
    return DecodeStatus::malformed;
  }
  const Extent datagram = packet.up_to(total_length == 0 ? packet.end : offset + total_length);
  static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  decoded.network = static_cast<std::uint16_t>(offset);
  std::memcpy(decoded.src_ip.data(), mapped.data(), mapped.size());
  std::memcpy(decoded.src_ip.data() + mapped.size(), header + 12, 4);
  std::memcpy(decoded.dst_ip.data(), mapped.data(), mapped.size());
  std::memcpy(decoded.dst_ip.data() + mapped.size(), header + 16, 4);
  decoded.version = IpVersion::V4;
  offset += header_length;
  // "More fragments", or an offset.
  if ((load16(header + 6) & 0x3fffU) != 0) [[unlikely]] {
    return decode_fragment(header[9], datagram, offset, decoded);
  }
  if (header[9] == protocol_tcp) [[likely]] {
    return decode_tcp(datagram, offset, decoded);
  }
  return header[9] == protocol_udp ? decode_udp(datagram, offset, decoded)
                                   : decode_other(header[9], datagram, offset, decoded);
}

}  // namespace iris::parsers::packet
