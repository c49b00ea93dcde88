// The bytes that a header may be looked for in, and what they look like when nothing else says what they are. Internal
// to parsers/packet.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "parsers/bytes.hpp"
#include "parsers/packet/decode.hpp"

namespace iris::parsers::packet {

inline constexpr std::uint16_t ethertype_ipv4 = 0x0800;
inline constexpr std::uint16_t ethertype_arp = 0x0806;
inline constexpr std::uint16_t ethertype_ethernet = 0x6558;       // transparent Ethernet bridging (RFC 1701)
inline constexpr std::uint16_t ethertype_vlan = 0x8100;           // IEEE 802.1Q
inline constexpr std::uint16_t ethertype_provider = 0x88a8;       // IEEE 802.1ad
inline constexpr std::uint16_t ethertype_provider_9100 = 0x9100;  // what was used before 802.1ad, and still is
inline constexpr std::uint16_t ethertype_provider_9200 = 0x9200;  //
inline constexpr std::uint16_t ethertype_provider_9300 = 0x9300;  //
inline constexpr std::uint16_t ethertype_backbone = 0x88e7;       // IEEE 802.1ah: the service tag of MAC in MAC
inline constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
inline constexpr std::uint16_t ethertype_mpls = 0x8847;             // RFC 3032, RFC 5332
inline constexpr std::uint16_t ethertype_mpls_upstream = 0x8848;    // multicast
inline constexpr std::uint16_t ethertype_pppoe_discovery = 0x8863;  // RFC 2516
inline constexpr std::uint16_t ethertype_pppoe_session = 0x8864;    //
inline constexpr std::uint16_t longest_802_3 = 1500;                // up to here the type is a length

inline constexpr std::size_t ethernet_header = 14;
inline constexpr std::size_t ipv4_header = 20;
inline constexpr std::size_t ipv6_header = 40;

// A packet, or the part of it that some header allows. Offsets count from the beginning of the frame.
struct Extent {
  const std::uint8_t* frame = nullptr;
  std::size_t captured = 0;  // end of what may be read
  std::size_t end = 0;       // on the wire; at least `captured`

  // Less what lies at `stated_end` and behind.
  [[nodiscard]] Extent up_to(std::size_t stated_end) const noexcept {
    return {frame, std::min(captured, stated_end), std::min(end, stated_end)};
  }
  [[nodiscard]] bool has(std::size_t offset, std::size_t count) const noexcept { return offset + count <= captured; }
  // The captured byte there.
  [[nodiscard]] unsigned version_nibble(std::size_t offset) const noexcept { return frame[offset] >> 4U; }
};

// A header that ends at `needed` is not all there: did the capture cut it off, or does its packet end before?
[[nodiscard]] inline DecodeStatus too_short(std::size_t needed, std::size_t end) noexcept {
  return needed > end ? DecodeStatus::malformed : DecodeStatus::truncated;
}

// Whether an IPv4 header begins there, whose datagram ends within the extent.
[[nodiscard]] inline bool looks_like_ipv4(const Extent& extent, std::size_t offset) noexcept {
  if (!extent.has(offset, ipv4_header) || extent.version_nibble(offset) != 4) return false;
  const std::size_t header_length = (extent.frame[offset] & 0x0fU) << 2U;
  const std::size_t total_length = load16(extent.frame + offset + 2);
  return header_length >= ipv4_header && total_length >= header_length && offset + total_length <= extent.end;
}
[[nodiscard]] inline bool looks_like_ipv6(const Extent& extent, std::size_t offset) noexcept {
  return extent.has(offset, ipv6_header) && extent.version_nibble(offset) == 6 &&
         offset + ipv6_header + load16(extent.frame + offset + 4) <= extent.end;
}
[[nodiscard]] inline bool looks_like_ip(const Extent& extent, std::size_t offset) noexcept {
  return looks_like_ipv4(extent, offset) || looks_like_ipv6(extent, offset);
}

// Whether an Ethernet header begins there: from no group address, and of a type that is known and not contradicted by
// what follows.
[[nodiscard]] bool looks_like_ethernet(const Extent& extent, std::size_t offset) noexcept;

}  // namespace iris::parsers::packet
