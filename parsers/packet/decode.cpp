// Untagged Ethernet with IPv4 is most of the traffic, and goes no further than here and internet.hpp.
#include "parsers/packet/decode.hpp"

#include "parsers/packet/internet.hpp"
#include "parsers/packet/link_headers.hpp"

namespace iris::parsers::packet {

DecodeStatus decode(const Frame& frame, Decoded& decoded) noexcept {
  decoded.vlan_count = decoded.depth = 0;
  decoded.tunnel = 0;
  const Extent packet{frame.bytes.data(), frame.bytes.size(), std::max(frame.wire_length, frame.bytes.size())};
  if (frame.link == LinkType::ethernet && frame.offset == 0 && packet.has(0, ethernet_header) &&
      load16(packet.frame + ethernet_header - 2) == ethertype_ipv4) [[likely]] {
    return decode_ipv4(packet, ethernet_header, decoded);
  }
  return decode_link(packet, frame.link, frame.offset, decoded);
}

}  // namespace iris::parsers::packet
