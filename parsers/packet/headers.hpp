// The members of one packet's headers, for filters that ask for them: read only when some live filter does. A
// connection's are those of its first packet.
#pragma once

#include <cstdint>

#include "parsers/packet/decode.hpp"

namespace iris::parsers::packet {

// Numbers in host order; parsers::Field::of_headers has offsets into it. Each group is meaningful where its flag is
// set. A flag is never at offset 0.
struct Headers {
  // IEEE 802.3, of the outermost frame. Addresses with the first byte sent being the most significant.
  std::uint64_t ethernet_dst = 0;
  std::uint64_t ethernet_src = 0;
  std::uint16_t ether_type = 0;  // of the Ethernet header itself: 0x8100 where a tag follows
  bool ethernet = false;

  // IEEE 802.1Q and 802.1ad.
  bool vlan = false;
  std::uint16_t vlan_ids[2] = {0, 0};  // of the two outermost tags; twice the same where there is one
  bool vlan_control = false;           // the outermost tag follows the Ethernet header; else only identifiers are known
  std::uint8_t vlan_priority = 0;
  std::uint8_t vlan_dei = 0;
  std::uint16_t vlan_tci = 0;

  // RFC 791.
  bool ipv4 = false;
  std::uint8_t version_ihl = 0;
  std::uint8_t ihl = 0;  // in words of 4 bytes
  std::uint8_t type_of_service = 0;
  std::uint8_t dscp = 0;
  std::uint8_t ecn = 0;
  std::uint16_t total_length = 0;
  std::uint16_t identification = 0;
  std::uint16_t flags_to_fragment_offset = 0;
  std::uint16_t fragment_offset = 0;  // in units of 8 bytes
  std::uint8_t ip_flags = 0;          // the three bits
  std::uint8_t rf = 0;
  std::uint8_t df = 0;
  std::uint8_t mf = 0;
  std::uint8_t time_to_live = 0;
  std::uint8_t protocol = 0;
  std::uint16_t header_checksum = 0;

  // RFC 8200.
  bool ipv6 = false;
  std::uint8_t traffic_class = 0;
  std::uint8_t next_header = 0;  // of the fixed header, whatever extension it is
  std::uint8_t hop_limit = 0;
  std::uint32_t version_to_flow_label = 0;
  std::uint32_t flow_label = 0;
  std::uint16_t payload_length = 0;

  // RFC 9293. Absent in fragments.
  bool tcp = false;
  std::uint8_t data_offset = 0;  // in words of 4 bytes
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint8_t reserved = 0;
  std::uint8_t data_offset_to_ns = 0;
  std::uint8_t tcp_flags = 0;
  std::uint8_t ns = 0;
  std::uint8_t cwr = 0;
  std::uint8_t ece = 0;
  std::uint8_t urg = 0;
  std::uint8_t ack = 0;
  std::uint8_t psh = 0;
  std::uint8_t rst = 0;
  std::uint8_t syn = 0;
  std::uint8_t fin = 0;
  std::uint8_t synack = 0;
  std::uint16_t window = 0;
  std::uint16_t tcp_checksum = 0;
  std::uint16_t urgent_pointer = 0;

  // RFC 768. Absent in fragments.
  bool udp = false;
  std::uint16_t udp_length = 0;
  std::uint16_t udp_checksum = 0;

  // RFC 792, RFC 4443. Absent in later fragments.
  bool icmp = false;
  std::uint16_t icmp_checksum = 0;
  bool icmp_echo = false;  // an echo request or reply
  std::uint16_t icmp_identifier = 0;
  std::uint16_t icmp_sequence = 0;
};

// None.
inline constexpr Headers no_headers{};

// What decode() made of the frame, with `status`, tells where headers lie.
[[nodiscard]] Headers read_headers(const Frame& frame, DecodeStatus status, const Decoded& decoded) noexcept;

}  // namespace iris::parsers::packet
