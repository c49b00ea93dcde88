// Extension headers, jumbograms, fragments, and transports without connections.
#include "parsers/packet/internet.hpp"

namespace iris::parsers::packet {
namespace {

// IANA's "IPv6 Extension Header Types", but for ESP: what follows it is encrypted.
constexpr std::uint8_t hop_by_hop = 0, routing = 43, fragment = 44, authentication = 51, destination_options = 60,
                       mobility = 135, host_identity = 139, shim6 = 140;
constexpr unsigned max_extension_headers = 16;
constexpr std::size_t shortest_extension = 8;
constexpr std::size_t sctp_header = 12;

bool is_extension(std::uint8_t protocol) noexcept {
  switch (protocol) {
    case hop_by_hop:
    case routing:
    case fragment:
    case authentication:
    case destination_options:
    case mobility:
    case host_identity:
    case shim6:
      return true;
    default:
      return false;
  }
}

// The fragment header has no length. The authentication header (RFC 4302, 2.2) counts in words of 4 bytes, less 2.
std::size_t extension_length(std::uint8_t protocol, std::uint8_t length) noexcept {
  if (protocol == fragment) return shortest_extension;
  return protocol == authentication ? (std::size_t{length} + 2) * 4 : (std::size_t{length} + 1) * 8;
}

DecodeStatus other_transport(std::uint8_t protocol, const Extent& datagram, std::size_t offset,
                             Decoded& decoded) noexcept {
  decoded.transport = Transport{protocol};
  decoded.transport_offset = static_cast<std::uint16_t>(offset);
  decoded.src_port = decoded.dst_port = 0;
  decoded.sequence = decoded.acknowledgement = 0;
  decoded.window = decoded.urgent = 0;
  decoded.flags = 0;
  if (decoded.transport == Transport::Sctp) {
    if (!datagram.has(offset, sctp_header)) return too_short(offset + sctp_header, datagram.end);
    decoded.src_port = load16(datagram.frame + offset);
    decoded.dst_port = load16(datagram.frame + offset + 2);
  }
  set_payload(datagram, offset, datagram.end, decoded);
  return DecodeStatus::other_transport;
}

// What follows all IP headers.
DecodeStatus decode_upper(std::uint8_t protocol, const Extent& datagram, std::size_t offset,
                          Decoded& decoded) noexcept {
  if (offset > datagram.captured) return too_short(offset, datagram.end);
  if (offset > furthest_header) return DecodeStatus::malformed;
  if (protocol == protocol_tcp) return decode_tcp(datagram, offset, decoded);
  if (protocol == protocol_udp) return decode_udp(datagram, offset, decoded);
  return other_transport(protocol, datagram, offset, decoded);
}

// Where the hop-by-hop options at `offset` say that the IPv6 packet ends whose header ends there (RFC 2675, 2); 0 when
// they are not all captured or have no such option. A length that is none for a jumbogram is given as it is.
std::size_t jumbogram_end(const Extent& packet, std::size_t offset) noexcept {
  constexpr std::uint8_t pad1 = 0, jumbo_payload = 0xc2;
  if (!packet.has(offset, shortest_extension)) return 0;
  const std::size_t end = offset + extension_length(hop_by_hop, packet.frame[offset + 1]);
  if (end > packet.captured) return 0;
  for (std::size_t option = offset + 2; option + 2 <= end;) {
    if (packet.frame[option] == pad1) {
      ++option;
      continue;
    }
    const std::size_t length = packet.frame[option + 1];
    if (packet.frame[option] == jumbo_payload && length == 4 && option + 6 <= end) {
      return offset + load32(packet.frame + option + 2);
    }
    option += 2 + length;
  }
  return 0;
}

}  // namespace

[[gnu::noinline]] DecodeStatus decode_fragment(std::uint8_t protocol, Extent datagram, std::size_t offset,
                                               Decoded& decoded) noexcept {
  if (offset > datagram.captured) return too_short(offset, datagram.end);
  if (offset > furthest_header) return DecodeStatus::malformed;
  decoded.transport = Transport{protocol};
  set_payload(datagram, offset, datagram.end, decoded);
  return DecodeStatus::fragment;
}

[[gnu::noinline]] DecodeStatus decode_other(std::uint8_t protocol, Extent datagram, std::size_t offset,
                                            Decoded& decoded) noexcept {
  for (unsigned i = 0; protocol == authentication; ++i) {
    if (i == max_extension_headers) return DecodeStatus::malformed;
    if (!datagram.has(offset, shortest_extension)) return too_short(offset + shortest_extension, datagram.end);
    protocol = datagram.frame[offset];
    offset += extension_length(authentication, datagram.frame[offset + 1]);
  }
  return decode_upper(protocol, datagram, offset, decoded);
}

// RFC 8200, 3 and 4. The destination is the header's, not that of a routing header: it is where this packet is going.
[[gnu::noinline]] DecodeStatus decode_ipv6(Extent packet, std::size_t offset, Decoded& decoded) noexcept {
  constexpr std::size_t shortest_jumbogram = 65536;
  if (!packet.has(offset, ipv6_header)) return too_short(offset + ipv6_header, packet.end);
  const std::uint8_t* header = packet.frame + offset;
  if ((header[0] >> 4U) != 6) return DecodeStatus::malformed;
  decoded.network = static_cast<std::uint16_t>(offset);
  std::memcpy(decoded.src_ip.data(), header + 8, 16);
  std::memcpy(decoded.dst_ip.data(), header + 24, 16);
  decoded.version = IpVersion::V6;

  offset += ipv6_header;
  std::uint8_t next = header[6];
  const std::size_t payload_length = load16(header + 4);
  std::size_t end = offset + payload_length;
  if (payload_length == 0) {
    end = next == hop_by_hop ? jumbogram_end(packet, offset) : 0;
    if (end != 0 && end < offset + shortest_jumbogram) return DecodeStatus::malformed;
  }
  const Extent datagram = packet.up_to(end == 0 ? packet.end : end);
  for (unsigned i = 0; i <= max_extension_headers; ++i) {
    if (!is_extension(next)) return decode_upper(next, datagram, offset, decoded);
    if (!datagram.has(offset, shortest_extension)) return too_short(offset + shortest_extension, datagram.end);
    const std::uint8_t* extension = datagram.frame + offset;
    offset += extension_length(next, extension[1]);
    // An atomic fragment (RFC 6946) is a whole datagram.
    if (next == fragment && (load16(extension + 2) & 0xfff9U) != 0) {
      return decode_fragment(extension[0], datagram, offset, decoded);
    }
    next = extension[0];
  }
  return DecodeStatus::malformed;
}

}  // namespace iris::parsers::packet
