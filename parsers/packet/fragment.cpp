#include "parsers/packet/fragment.hpp"

#include <algorithm>

#include "parsers/bytes.hpp"

namespace iris::parsers::packet {
namespace {

constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv6_header = 40;
constexpr std::size_t fragment_header = 8;
constexpr std::uint32_t more_fragments = 0x2000;  // IPv4
constexpr std::uint32_t fragment_offset = 0x1fff;

// What of a fragment is the same in both versions, from where its headers and its datagram end.
std::optional<Fragment> placed(Fragment fragment, const Frame& frame, std::size_t stated_end) noexcept {
  if (stated_end > std::max(frame.wire_length, frame.bytes.size()) || stated_end <= fragment.begin) return {};
  fragment.length = static_cast<std::uint32_t>(stated_end - fragment.begin);
  const std::size_t captured_end = std::clamp<std::size_t>(frame.bytes.size(), fragment.begin, stated_end);
  fragment.captured = static_cast<std::uint32_t>(captured_end - fragment.begin);
  if (fragment.more && fragment.length % fragment_unit != 0) return {};
  if (!fragment.more && fragment.offset == 0) return {};
  if (std::size_t{fragment.header} + fragment.end() > longest_datagram) return {};
  return fragment;
}

std::optional<Fragment> read_ipv4(const Frame& frame, std::size_t network) noexcept {
  if (network + ipv4_header > frame.bytes.size()) return {};
  const std::uint8_t* ip = frame.bytes.data() + network;
  const std::size_t header = (ip[0] & 0x0fU) << 2U;
  if ((ip[0] >> 4U) != 4 || header < ipv4_header || network + header > frame.bytes.size()) return {};
  const std::uint32_t place = load16(ip + 6);
  return placed({.id = load16(ip + 4),
                 .header = static_cast<std::uint32_t>(header),
                 .begin = static_cast<std::uint32_t>(network + header),
                 .offset = (place & fragment_offset) * std::uint32_t{fragment_unit},
                 .protocol = ip[9],
                 .more = (place & more_fragments) != 0},
                frame, network + load16(ip + 2));
}

// The length of an extension header that may stand before a fragment header; 0 for any other. More of them than
// decode() follows do no harm here.
std::size_t extension_length(std::uint8_t type, std::uint8_t stated) noexcept {
  constexpr std::uint8_t hop_by_hop = 0, routing = 43, authentication = 51, destination_options = 60, mobility = 135,
                         host_identity = 139, shim6 = 140;
  switch (type) {
    case authentication:
      return (std::size_t{stated} + 2) * 4;  // RFC 4302, 2.2
    case hop_by_hop:
    case routing:
    case destination_options:
    case mobility:
    case host_identity:
    case shim6:
      return (std::size_t{stated} + 1) * 8;
    default:
      return 0;
  }
}

std::optional<Fragment> read_ipv6(const Frame& frame, std::size_t network) noexcept {
  constexpr std::uint8_t fragment = 44;
  if (network + ipv6_header > frame.bytes.size()) return {};
  const std::uint8_t* ip = frame.bytes.data() + network;
  if ((ip[0] >> 4U) != 6) return {};
  std::size_t next_at = 6;
  std::size_t header = ipv6_header;
  while (network + header + fragment_header <= frame.bytes.size() && ip[next_at] != fragment) {
    const std::size_t length = extension_length(ip[next_at], ip[header + 1]);
    if (length == 0) return {};
    next_at = header;
    header += length;
  }
  if (network + header + fragment_header > frame.bytes.size()) return {};
  const std::uint8_t* here = ip + header;
  const std::uint32_t place = load16(here + 2);
  return placed({.id = load32(here + 4),
                 .header = static_cast<std::uint32_t>(header),
                 .begin = static_cast<std::uint32_t>(network + header + fragment_header),
                 .offset = place & ~7U,
                 .next_at = static_cast<std::uint32_t>(next_at),
                 .protocol = here[0],
                 .more = (place & 1U) != 0},
                frame, network + ipv6_header + load16(ip + 4));
}

void store16(std::uint8_t* at, std::size_t value) noexcept {
  at[0] = static_cast<std::uint8_t>(value >> 8U);
  at[1] = static_cast<std::uint8_t>(value);
}

// RFC 791, 3.1: the complement of the sum, in ones' complement, of the header's 16-bit words.
std::uint16_t checksum(std::span<const std::uint8_t> header) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < header.size(); i += 2) sum += load16(header.data() + i);
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

std::optional<Fragment> read_fragment(const Frame& frame, std::size_t network, IpVersion version) noexcept {
  return version == IpVersion::V4 ? read_ipv4(frame, network) : read_ipv6(frame, network);
}

void make_whole(std::span<std::uint8_t> header, const Fragment& first, std::size_t length) noexcept {
  if ((header[0] >> 4U) == 4) {
    store16(&header[2], first.header + length);
    store16(&header[6], load16(&header[6]) & ~(more_fragments | fragment_offset));
    store16(&header[10], 0);
    store16(&header[10], checksum(header));
  } else {
    store16(&header[4], first.header - ipv6_header + length);
    header[first.next_at] = first.protocol;
  }
}

}  // namespace iris::parsers::packet
