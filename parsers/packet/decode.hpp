// A frame's bytes to the facts that connections are made of: addresses, ports, TCP header, where the payload lies.
//
// Lengths are those that the IP header states, never the frame's: Ethernet pads short frames. Checksums are not
// verified: on a tap they are often unset (offload), and the NIC flags bad ones.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <iris/l4_pdu.hpp>
#include <iris/net.hpp>

#include "parsers/packet/link.hpp"

namespace iris::parsers::packet {

// What a frame turned out to be, and which members of Decoded are then meaningful.
enum class DecodeStatus : std::uint8_t {
  ok,      // TCP or UDP: all members
  not_ip,  // something else than IP, or nothing known: tags only
  // A piece of an IPv4 or IPv6 datagram: tags, addresses, version, network; transport, as the fragment names it;
  // payload, the piece. For the whole datagram's transport, IPv6 may have further headers before it.
  fragment,
  // ICMP and so on: tags, addresses, version, network, transport; payload, all that follows IP's headers. Ports for
  // SCTP, else 0, as all that TCP has.
  other_transport,
  truncated,  // the capture cut a header off: nothing
  malformed,  // lengths or versions that contradict each other, or more headers than any packet has: nothing
};

// Numbers are in host order.
struct Decoded {
  static constexpr std::size_t kept_vlans = 4;

  std::array<std::uint8_t, 16> src_ip{};  // as iris::IpAddress::bytes
  std::array<std::uint8_t, 16> dst_ip{};
  std::uint32_t sequence = 0;             // TCP; 0 for UDP
  std::uint32_t acknowledgement = 0;      // TCP; 0 for UDP
  std::uint32_t payload_length = 0;       // captured bytes after the transport header (other_transport: after IP's)
  std::uint32_t wire_payload_length = 0;  // of how many on the wire; greater where the capture cut the frame off
  std::uint16_t payload_offset = 0;       // from the beginning of the frame
  std::uint16_t src_port = 0;
  std::uint16_t dst_port = 0;
  std::uint16_t window = 0;            // TCP, unscaled; 0 for UDP
  std::uint16_t urgent = 0;            // TCP urgent pointer where URG is set; else 0
  std::uint16_t network = 0;           // where the IP header lies, from the beginning of the frame
  std::uint16_t transport_offset = 0;  // where the TCP or UDP header lies
  std::uint32_t tunnel = 0;  // identifier of the innermost tunnel around it (VNI, TEID, GRE key); 0: none, or without
  std::uint8_t depth = 0;    // tunnels around it
  std::uint8_t flags = 0;    // TCP: tcp_flag bits; 0 for UDP
  IpVersion version = IpVersion::V4;
  Transport transport = Transport::Tcp;  // other_transport: any IP protocol number
  std::uint8_t vlan_count = 0;           // of all tags; `vlans` has the first of them, outermost first
  std::array<std::uint16_t, kept_vlans> vlans{};

  // Payload bytes that the capture lacks.
  [[nodiscard]] std::uint32_t missing() const noexcept { return wire_payload_length - payload_length; }
  [[nodiscard]] std::span<const std::uint16_t> vlan_ids() const noexcept {
    return std::span(vlans).first(std::min<std::size_t>(vlan_count, kept_vlans));
  }
  [[nodiscard]] std::span<const std::uint8_t> payload(std::span<const std::uint8_t> frame) const noexcept {
    return frame.subspan(payload_offset, payload_length);
  }
};

// What was captured of a packet.
struct Frame {
  std::span<const std::uint8_t> bytes;
  std::size_t wire_length = 0;  // at least bytes.size()
  LinkType link = LinkType::ethernet;
  std::size_t offset = 0;  // where the link header begins, within `bytes`: not 0 inside a tunnel
};

// Decodes every link type, with VLAN tags (802.1Q, 802.1ad and what was used before, 802.1ah), MPLS labels, PPPoE and
// SNAP in any order; IPv4; IPv6; every extension header that is not encrypted; TCP; UDP. A payload never extends beyond
// `wire_length`, nor beyond the length that any header around it states. An IP length of 0 (segmentation offload: RFC
// 2675 and Linux's IPv4 likewise) means up to the end of the frame, or where a jumbo payload option says (RFC 2675).
//
// A TCP header whose options the capture cut off is ok, with all of the payload missing.
[[nodiscard]] DecodeStatus decode(const Frame& frame, Decoded& decoded) noexcept;

}  // namespace iris::parsers::packet
