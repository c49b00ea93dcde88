// The way of most packets, untagged IPv4 without options carrying TCP, is straight-line code: each step below checks,
// reads and falls through to the next; whatever is rarer is out of line.
#include "parsers/packet/decode.hpp"

#include <cstring>

#include "parsers/bytes.hpp"

namespace iris::parsers::packet {
namespace {

constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
constexpr std::uint16_t ethertype_vlan = 0x8100;      // IEEE 802.1Q
constexpr std::uint16_t ethertype_provider = 0x88a8;  // IEEE 802.1ad
constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;

constexpr std::size_t ethernet_header = 14;
constexpr std::size_t vlan_tag = 4;
constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv6_header = 40;
constexpr std::size_t tcp_header = 20;
constexpr std::size_t udp_header = 8;
constexpr unsigned max_vlan_tags = 16;
constexpr unsigned max_extension_headers = 16;

// The bytes of a datagram. Offsets count from the beginning of the frame.
struct Datagram {
  const std::uint8_t* frame = nullptr;
  std::size_t captured = 0;  // end of what may be read: of the capture or of the datagram, whichever comes first
  std::size_t end = 0;       // of the datagram on the wire; at least `captured`
};

// A header that ends at `needed` is not all there: did the capture cut it off, or does its packet end before, at `end`?
DecodeStatus too_short(std::size_t needed, std::size_t end) noexcept {
  return needed > end ? DecodeStatus::malformed : DecodeStatus::truncated;
}

void set_payload(const Datagram& datagram, std::size_t begin, std::size_t end, Decoded& decoded) noexcept {
  const std::size_t captured_begin = std::min(begin, datagram.captured);
  decoded.payload_offset = static_cast<std::uint16_t>(captured_begin);
  decoded.payload_length = static_cast<std::uint32_t>(std::min(end, datagram.captured) - captured_begin);
  decoded.wire_payload_length = static_cast<std::uint32_t>(end - begin);
}

// RFC 9293, 3.1.
inline DecodeStatus decode_tcp(const Datagram& datagram, std::size_t offset, Decoded& decoded) noexcept {
  if (offset + tcp_header > datagram.captured) [[unlikely]] {
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
  set_payload(datagram, offset + header_length, datagram.end, decoded);
  return DecodeStatus::ok;
}

// RFC 768. Length 0 is a jumbogram's (RFC 2675, 4), and segmentation offload's.
inline DecodeStatus decode_udp(const Datagram& datagram, std::size_t offset, Decoded& decoded) noexcept {
  if (offset + udp_header > datagram.captured) [[unlikely]] {
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
  decoded.window = 0;
  decoded.flags = 0;
  set_payload(datagram, offset + udp_header, end, decoded);
  return DecodeStatus::ok;
}

inline DecodeStatus decode_transport(std::uint8_t protocol, const Datagram& datagram, std::size_t offset,
                                     Decoded& decoded) noexcept {
  if (protocol == protocol_tcp) [[likely]] {
    return decode_tcp(datagram, offset, decoded);
  }
  return protocol == protocol_udp ? decode_udp(datagram, offset, decoded) : DecodeStatus::other_transport;
}

// The datagram of a header at `offset` that says it ends at `stated_end`, in a frame of which `frame` is captured.
inline Datagram bounded(std::span<const std::uint8_t> frame, std::size_t wire_length, std::size_t stated_end) noexcept {
  return {frame.data(), std::min(frame.size(), stated_end), std::min(wire_length, stated_end)};
}

// RFC 791, 3.1.
inline DecodeStatus decode_ipv4(std::span<const std::uint8_t> frame, std::size_t wire_length, std::size_t offset,
                                Decoded& decoded) noexcept {
  if (offset + ipv4_header > frame.size()) [[unlikely]] {
    return too_short(offset + ipv4_header, wire_length);
  }
  const std::uint8_t* header = frame.data() + offset;
  const std::size_t header_length = (header[0] & 0x0fU) << 2U;
  const std::size_t total_length = load16(header + 2);
  if ((header[0] >> 4U) != 4 || header_length < ipv4_header || (total_length != 0 && total_length < header_length))
      [[unlikely]] {
    return DecodeStatus::malformed;
  }
  const Datagram datagram = bounded(frame, wire_length, total_length == 0 ? wire_length : offset + total_length);
  static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  decoded.network = static_cast<std::uint16_t>(offset);
  std::memcpy(decoded.src_ip.data(), mapped.data(), mapped.size());
  std::memcpy(decoded.src_ip.data() + mapped.size(), header + 12, 4);
  std::memcpy(decoded.dst_ip.data(), mapped.data(), mapped.size());
  std::memcpy(decoded.dst_ip.data() + mapped.size(), header + 16, 4);
  decoded.version = IpVersion::V4;
  // "More fragments", or an offset.
  if ((load16(header + 6) & 0x3fffU) != 0) [[unlikely]] {
    return DecodeStatus::fragment;
  }
  return decode_transport(header[9], datagram, offset + header_length, decoded);
}

// RFC 8200, 3 and 4. The destination is the header's, not that of a routing header: it is where this packet is going.
[[gnu::noinline]] DecodeStatus decode_ipv6(std::span<const std::uint8_t> frame, std::size_t wire_length,
                                           std::size_t offset, Decoded& decoded) noexcept {
  constexpr std::uint8_t hop_by_hop = 0, routing = 43, fragment = 44, destination_options = 60;
  if (offset + ipv6_header > frame.size()) return too_short(offset + ipv6_header, wire_length);
  const std::uint8_t* header = frame.data() + offset;
  if ((header[0] >> 4U) != 6) return DecodeStatus::malformed;
  const std::size_t payload_length = load16(header + 4);
  const Datagram datagram =
      bounded(frame, wire_length, payload_length == 0 ? wire_length : offset + ipv6_header + payload_length);
  decoded.network = static_cast<std::uint16_t>(offset);
  std::memcpy(decoded.src_ip.data(), header + 8, 16);
  std::memcpy(decoded.dst_ip.data(), header + 24, 16);
  decoded.version = IpVersion::V6;

  std::uint8_t next = header[6];
  offset += ipv6_header;
  for (unsigned i = 0; i <= max_extension_headers; ++i) {
    if (next != hop_by_hop && next != routing && next != fragment && next != destination_options) {
      return decode_transport(next, datagram, offset, decoded);
    }
    if (offset + 8 > datagram.captured) return too_short(offset + 8, datagram.end);
    const std::uint8_t* extension = datagram.frame + offset;
    if (next == fragment) {
      // An atomic fragment (RFC 6946) is a whole datagram.
      if ((load16(extension + 2) & 0xfff9U) != 0) return DecodeStatus::fragment;
      offset += 8;
    } else {
      offset += (std::size_t{extension[1]} + 1) * 8;
    }
    next = extension[0];
  }
  return DecodeStatus::malformed;
}

// Whatever is not untagged IPv4.
[[gnu::noinline]] DecodeStatus decode_tagged(std::span<const std::uint8_t> frame, std::size_t wire_length,
                                             Decoded& decoded) noexcept {
  std::size_t offset = ethernet_header;
  std::uint16_t type = load16(frame.data() + offset - 2);
  while (type == ethertype_vlan || type == ethertype_provider) {
    if (decoded.vlan_count == max_vlan_tags) return DecodeStatus::malformed;
    if (offset + vlan_tag > frame.size()) return too_short(offset + vlan_tag, wire_length);
    if (decoded.vlan_count < Decoded::kept_vlans) {
      decoded.vlans[decoded.vlan_count] = load16(frame.data() + offset) & 0x0fffU;
    }
    ++decoded.vlan_count;
    type = load16(frame.data() + offset + 2);
    offset += vlan_tag;
  }
  if (type == ethertype_ipv4) return decode_ipv4(frame, wire_length, offset, decoded);
  return type == ethertype_ipv6 ? decode_ipv6(frame, wire_length, offset, decoded) : DecodeStatus::not_ip;
}

}  // namespace

DecodeStatus decode(const Frame& whole, Decoded& decoded) noexcept {
  const std::span<const std::uint8_t> frame = whole.bytes;
  decoded.vlan_count = decoded.depth = 0;
  decoded.tunnel = 0;
  const std::size_t wire_length = std::max(whole.wire_length, frame.size());
  if (frame.size() < ethernet_header) [[unlikely]] {
    return too_short(ethernet_header, wire_length);
  }
  if (load16(frame.data() + ethernet_header - 2) == ethertype_ipv4) [[likely]] {
    return decode_ipv4(frame, wire_length, ethernet_header, decoded);
  }
  return decode_tagged(frame, wire_length, decoded);
}

}  // namespace iris::parsers::packet
