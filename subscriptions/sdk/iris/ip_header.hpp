// An IP header read from bytes: of a captured packet, of one that an ICMP error quotes, of one that an author found.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <iris/net.hpp>

namespace iris {

// Numbers that stand in IP headers for what they carry (IANA's "protocol numbers").
namespace ip_protocol {
inline constexpr std::uint8_t icmp = 1, tcp = 6, udp = 17, gre = 47, esp = 50, icmpv6 = 58, sctp = 132;

// Whether its header begins with two port numbers: TCP, UDP, DCCP, SCTP, UDP-Lite.
[[nodiscard]] constexpr bool has_ports(std::uint8_t protocol) {
  return protocol == tcp || protocol == udp || protocol == 33 || protocol == sctp || protocol == 136;
}
}  // namespace ip_protocol

// IPv4 (RFC 791, 3.1), or IPv6 with its extension headers (RFC 8200, 3 and 4).
struct IpHeader {
  IpVersion version = IpVersion::V4;
  // Of what follows, extension headers left out. In a later fragment of IPv6: what the fragment header names.
  std::uint8_t protocol = 0;
  IpAddress src;
  IpAddress dst;
  std::uint32_t length = 0;           // of the header, options and extension headers included
  std::uint32_t total_length = 0;     // of header and content, as stated; 0: not stated (RFC 2675, offload)
  std::uint16_t fragment_offset = 0;  // of the content in its datagram, in bytes
  bool more_fragments = false;

  [[nodiscard]] constexpr bool is_fragment() const { return more_fragments || fragment_offset != 0; }
};

namespace detail {

constexpr std::uint16_t big_endian_16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

template <std::size_t count>
constexpr std::array<std::uint8_t, count> address_bytes(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::array<std::uint8_t, count> address{};
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, address.begin());
  return address;
}

constexpr std::optional<IpHeader> read_ipv4_header(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 20) return std::nullopt;
  IpHeader header;
  header.length = (bytes[0] & 0x0fU) * 4;
  header.total_length = big_endian_16(bytes, 2);
  if (header.length < 20 || header.length > bytes.size()) return std::nullopt;
  const std::uint16_t fragment = big_endian_16(bytes, 6);
  header.more_fragments = (fragment & 0x2000U) != 0;
  header.fragment_offset = static_cast<std::uint16_t>((fragment & 0x1fffU) * 8);
  header.protocol = bytes[9];
  header.src = IpAddress::v4(address_bytes<4>(bytes, 12));
  header.dst = IpAddress::v4(address_bytes<4>(bytes, 16));
  return header;
}

constexpr std::optional<IpHeader> read_ipv6_header(std::span<const std::uint8_t> bytes) {
  constexpr std::uint8_t hop_by_hop = 0, routing = 43, fragment = 44, destination_options = 60;
  constexpr unsigned max_extension_headers = 16;
  if (bytes.size() < 40) return std::nullopt;
  IpHeader header;
  header.version = IpVersion::V6;
  header.src = IpAddress::v6(address_bytes<16>(bytes, 8));
  header.dst = IpAddress::v6(address_bytes<16>(bytes, 24));
  const std::uint32_t content = big_endian_16(bytes, 4);
  header.total_length = content == 0 ? 0 : 40 + content;
  header.length = 40;
  header.protocol = bytes[6];
  for (unsigned i = 0; i <= max_extension_headers; ++i) {
    const std::uint8_t type = header.protocol;
    if (type != hop_by_hop && type != routing && type != fragment && type != destination_options) return header;
    if (header.length + 8 > bytes.size()) return std::nullopt;
    header.protocol = bytes[header.length];
    if (type != fragment) {
      header.length += (bytes[header.length + 1] + 1U) * 8;
      if (header.length > bytes.size()) return std::nullopt;
      continue;
    }
    const std::uint16_t place = big_endian_16(bytes, header.length + 2);
    header.more_fragments = (place & 1U) != 0;
    header.fragment_offset = static_cast<std::uint16_t>(place & 0xfff8U);
    header.length += 8;
    if (header.fragment_offset != 0) return header;  // what follows is the middle of something
  }
  return std::nullopt;
}

}  // namespace detail

// nullopt where `bytes` do not begin with an IP header that is there in full.
[[nodiscard]] constexpr std::optional<IpHeader> read_ip_header(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return std::nullopt;
  const unsigned version = bytes[0] >> 4U;
  if (version == 4) return detail::read_ipv4_header(bytes);
  return version == 6 ? detail::read_ipv6_header(bytes) : std::nullopt;
}

}  // namespace iris
