#include "parsers/packet/headers.hpp"

#include <span>

#include "parsers/bytes.hpp"
#include "parsers/packet/extent.hpp"

namespace iris::parsers::packet {
namespace {

using Bytes = std::span<const std::uint8_t>;

// The bytes from `offset` on; empty where there are fewer than `size`.
Bytes header_at(Bytes frame, std::size_t offset, std::size_t size) noexcept {
  return offset + size > frame.size() ? Bytes() : frame.subspan(offset);
}

std::uint8_t bit(unsigned value, unsigned number) noexcept { return static_cast<std::uint8_t>(value >> number & 1U); }

bool is_tag(std::uint16_t type) noexcept {
  return type == ethertype_vlan || type == ethertype_provider || type == ethertype_provider_9100 ||
         type == ethertype_provider_9200 || type == ethertype_provider_9300;
}

void read_ethernet(Bytes frame, Headers& headers) noexcept {
  const Bytes header = header_at(frame, 0, ethernet_header);
  if (header.empty()) return;
  headers.ethernet = true;
  const auto address = [&](std::size_t at) {
    return static_cast<std::uint64_t>(load16(header.data() + at)) << 32U | load32(header.data() + at + 2);
  };
  headers.ethernet_dst = address(0);
  headers.ethernet_src = address(6);
  headers.ether_type = load16(header.data() + 12);
  if (!is_tag(headers.ether_type) || header.size() < ethernet_header + 2) return;
  headers.vlan_control = true;
  headers.vlan_tci = load16(header.data() + ethernet_header);
  headers.vlan_priority = static_cast<std::uint8_t>(headers.vlan_tci >> 13U);
  headers.vlan_dei = bit(headers.vlan_tci, 12);
}

void read_vlans(const Decoded& decoded, Headers& headers) noexcept {
  const auto ids = decoded.vlan_ids();
  if (ids.empty()) return;
  headers.vlan = true;
  headers.vlan_ids[0] = ids[0];
  headers.vlan_ids[1] = ids.size() > 1 ? ids[1] : ids[0];
}

void read_ipv4(Bytes header, Headers& headers) noexcept {
  headers.ipv4 = true;
  headers.version_ihl = header[0];
  headers.ihl = header[0] & 0x0fU;
  headers.type_of_service = header[1];
  headers.dscp = header[1] >> 2U;
  headers.ecn = header[1] & 3U;
  headers.total_length = load16(header.data() + 2);
  headers.identification = load16(header.data() + 4);
  headers.flags_to_fragment_offset = load16(header.data() + 6);
  headers.fragment_offset = headers.flags_to_fragment_offset & 0x1fffU;
  headers.ip_flags = static_cast<std::uint8_t>(headers.flags_to_fragment_offset >> 13U);
  headers.rf = bit(headers.ip_flags, 2);
  headers.df = bit(headers.ip_flags, 1);
  headers.mf = bit(headers.ip_flags, 0);
  headers.time_to_live = header[8];
  headers.protocol = header[9];
  headers.header_checksum = load16(header.data() + 10);
}

void read_ipv6(Bytes header, Headers& headers) noexcept {
  headers.ipv6 = true;
  headers.version_to_flow_label = load32(header.data());
  headers.traffic_class = static_cast<std::uint8_t>(headers.version_to_flow_label >> 20U);
  headers.dscp = headers.traffic_class >> 2U;
  headers.ecn = headers.traffic_class & 3U;
  headers.flow_label = headers.version_to_flow_label & 0xfffffU;
  headers.payload_length = load16(header.data() + 4);
  headers.next_header = header[6];
  headers.hop_limit = header[7];
}

void read_tcp(Bytes header, Headers& headers) noexcept {
  headers.tcp = true;
  headers.sequence = load32(header.data() + 4);
  headers.acknowledgement = load32(header.data() + 8);
  headers.data_offset_to_ns = header[12];
  headers.data_offset = header[12] >> 4U;
  headers.reserved = header[12] >> 1U & 7U;
  headers.ns = bit(header[12], 0);
  const std::uint8_t flags = headers.tcp_flags = header[13];
  headers.cwr = bit(flags, 7);
  headers.ece = bit(flags, 6);
  headers.urg = bit(flags, 5);
  headers.ack = bit(flags, 4);
  headers.psh = bit(flags, 3);
  headers.rst = bit(flags, 2);
  headers.syn = bit(flags, 1);
  headers.fin = bit(flags, 0);
  headers.synack = headers.syn & headers.ack;
  headers.window = load16(header.data() + 14);
  headers.tcp_checksum = load16(header.data() + 16);
  headers.urgent_pointer = load16(header.data() + 18);
}

void read_icmp(Bytes header, Transport transport, Headers& headers) noexcept {
  headers.icmp = true;
  headers.icmp_checksum = load16(header.data() + 2);
  const std::uint8_t type = header[0];
  headers.icmp_echo = transport == Transport::Icmp ? type == 0 || type == 8 : type == 128 || type == 129;
  if (!headers.icmp_echo) return;
  headers.icmp_identifier = load16(header.data() + 4);
  headers.icmp_sequence = load16(header.data() + 6);
}

void read_transport(Bytes frame, const Decoded& decoded, Headers& headers) noexcept {
  constexpr std::size_t tcp_header = 20, udp_header = 8, icmp_header = 8;
  const std::size_t offset = decoded.transport_offset;
  switch (decoded.transport) {
    case Transport::Tcp:
      if (const Bytes header = header_at(frame, offset, tcp_header); !header.empty()) read_tcp(header, headers);
      break;
    case Transport::Udp:
      if (const Bytes header = header_at(frame, offset, udp_header); !header.empty()) {
        headers.udp = true;
        headers.udp_length = load16(header.data() + 4);
        headers.udp_checksum = load16(header.data() + 6);
      }
      break;
    case Transport::Icmp:
    case Transport::Icmpv6:
      if (const Bytes header = header_at(frame, offset, icmp_header); !header.empty())
        read_icmp(header, decoded.transport, headers);
      break;
    default:
      break;
  }
}

}  // namespace

Headers read_headers(const Frame& frame, DecodeStatus status, const Decoded& decoded) noexcept {
  Headers headers;
  if (frame.link == LinkType::ethernet) read_ethernet(frame.bytes, headers);
  if (status == DecodeStatus::truncated || status == DecodeStatus::malformed) return headers;
  read_vlans(decoded, headers);
  if (status == DecodeStatus::not_ip) return headers;
  const bool v4 = decoded.version == IpVersion::V4;
  if (const Bytes header = header_at(frame.bytes, decoded.network, v4 ? ipv4_header : ipv6_header); !header.empty())
    v4 ? read_ipv4(header, headers) : read_ipv6(header, headers);
  if (status != DecodeStatus::fragment) read_transport(frame.bytes, decoded, headers);
  return headers;
}

}  // namespace iris::parsers::packet
