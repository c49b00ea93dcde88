// IP's own tunnels are known by their protocol number. Those over UDP share their ports with whoever else likes them:
// there, reserved bits, lengths and the header inside have to agree before a payload is taken for a tunnel.
#include "parsers/packet/tunnel.hpp"

#include <array>
#include <limits>

#include "parsers/packet/extent.hpp"

namespace iris::parsers::packet {
namespace {

constexpr Transport ipv4_in_ip{4};
constexpr Transport ipv6_in_ip{41};
constexpr std::uint16_t ethertype_ppp = 0x880b;         // RFC 2637
constexpr std::uint16_t ethertype_erspan = 0x88be;      // types I and II
constexpr std::uint16_t ethertype_erspan_iii = 0x22eb;  //
constexpr std::uint16_t ethertype_wccp = 0x883e;        // Web Cache Communication Protocol

// The outer payload, taken from its front. Every length is checked; reading less than there is does no harm.
class Content {
 public:
  explicit Content(const Decoded& outer, const Frame& frame) noexcept
      : extent_{frame.bytes.data(), std::size_t{outer.payload_offset} + outer.payload_length,
                std::size_t{outer.payload_offset} + outer.wire_payload_length},
        offset_(outer.payload_offset) {}

  [[nodiscard]] const Extent& extent() const noexcept { return extent_; }
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] std::size_t on_the_wire() const noexcept { return extent_.end - offset_; }
  // Of these, has() must have said so.
  [[nodiscard]] const std::uint8_t* here() const noexcept { return extent_.frame + offset_; }
  [[nodiscard]] bool has(std::size_t count) const noexcept { return extent_.has(offset_, count); }
  // False, and no step, when that many are not captured.
  [[nodiscard]] bool skip(std::size_t count) noexcept {
    if (!has(count)) return false;
    offset_ += count;
    return true;
  }
  // The header of `count` bytes here, stepped over; null when it is not all captured.
  [[nodiscard]] const std::uint8_t* take(std::size_t count) noexcept { return skip(count) ? here() - count : nullptr; }

 private:
  Extent extent_;
  std::size_t offset_;
};

std::uint32_t load24(const std::uint8_t* bytes) noexcept { return std::uint32_t{load16(bytes)} << 8U | bytes[2]; }

// An IP header of that version, by its first bits: where a protocol number has said what it is.
std::optional<Inner> ip_of_version(unsigned version, const Content& content, std::uint32_t tunnel) noexcept {
  if (!content.has(1) || content.extent().version_nibble(content.offset()) != version) return std::nullopt;
  return Inner{LinkType::raw_ip, content.offset(), tunnel};
}

std::optional<Inner> beginning_with(LinkType link, const Content& content, std::uint32_t tunnel) noexcept {
  return content.has(1) ? std::optional(Inner{link, content.offset(), tunnel}) : std::nullopt;
}

// Where only a UDP port has said what it is, and the header before it.
std::optional<Inner> likely_ip(const Content& content, std::uint32_t tunnel) noexcept {
  if (!looks_like_ip(content.extent(), content.offset())) return std::nullopt;
  return Inner{LinkType::raw_ip, content.offset(), tunnel};
}
std::optional<Inner> likely_ethernet(const Content& content, std::uint32_t tunnel) noexcept {
  if (!looks_like_ethernet(content.extent(), content.offset())) return std::nullopt;
  return Inner{LinkType::ethernet, content.offset(), tunnel};
}

// Sixteen bits of flags whose reserved ones say nothing, then the mirrored frame (draft-foschiano-erspan-03, 4.2).
// Without GRE's sequence number it is type I, which has no header.
std::optional<Inner> erspan(Content content, bool has_header) noexcept {
  constexpr std::size_t header_length = 8;
  if (!has_header) return beginning_with(LinkType::ethernet, content, 0);
  const std::uint8_t* header = content.take(header_length);
  if (header == nullptr || header[0] >> 4U != 1) return std::nullopt;
  return beginning_with(LinkType::ethernet, content, load16(header + 2) & 0x03ffU);
}

// The same draft, 4.3: a platform-specific subheader may follow, and the frame may be a bare IP packet.
std::optional<Inner> erspan_iii(Content content) noexcept {
  constexpr std::size_t header_length = 12, subheader_length = 8;
  constexpr unsigned ethernet_frame = 0, ip_packet = 2;
  const std::uint8_t* header = content.take(header_length);
  if (header == nullptr || header[0] >> 4U != 2) return std::nullopt;
  const unsigned last = load16(header + 10);
  if ((last & 1U) != 0 && !content.skip(subheader_length)) return std::nullopt;
  const unsigned frame_type = last >> 10U & 0x1fU;
  if (frame_type != ethernet_frame && frame_type != ip_packet) return std::nullopt;
  return beginning_with(frame_type == ip_packet ? LinkType::raw_ip : LinkType::ethernet, content,
                        load16(header + 2) & 0x03ffU);
}

// RFC 1701: source route entries up to one of no family and no length.
bool skip_routes(Content& content) noexcept {
  while (const std::uint8_t* entry = content.take(4)) {
    if (load16(entry) == 0 && entry[3] == 0) return true;
    if (!content.skip(entry[3])) return false;
  }
  return false;
}

// RFC 2637, 4.1: an acknowledgement carries nothing.
std::optional<Inner> pptp(Content content, std::uint16_t flags, std::uint16_t type) noexcept {
  constexpr std::uint16_t key_present = 0x2000, sequence_present = 0x1000, acknowledgement_present = 0x0080;
  constexpr std::uint16_t must_be_clear = 0xc000;
  if (type != ethertype_ppp || (flags & key_present) == 0 || (flags & must_be_clear) != 0) return std::nullopt;
  const std::uint8_t* key = content.take(4);
  if (key == nullptr || (flags & sequence_present) == 0 || !content.skip(4)) return std::nullopt;
  if ((flags & acknowledgement_present) != 0 && !content.skip(4)) return std::nullopt;
  return beginning_with(LinkType::ppp, content, load16(key + 2));
}

// RFC 2784 and 2890, and what RFC 1701 had besides.
std::optional<Inner> gre(Content content) noexcept {
  constexpr std::uint16_t checksum_present = 0x8000, routing_present = 0x4000, key_present = 0x2000,
                          sequence_present = 0x1000;
  const std::uint8_t* header = content.take(4);
  if (header == nullptr) return std::nullopt;
  const std::uint16_t flags = load16(header);
  const std::uint16_t type = load16(header + 2);
  if ((flags & 7U) == 1) return pptp(content, flags, type);
  if ((flags & 7U) != 0) return std::nullopt;
  if ((flags & (checksum_present | routing_present)) != 0 && !content.skip(4)) return std::nullopt;
  std::uint32_t key = 0;
  if ((flags & key_present) != 0) {
    const std::uint8_t* field = content.take(4);
    if (field == nullptr) return std::nullopt;
    key = load32(field);
  }
  if ((flags & sequence_present) != 0 && !content.skip(4)) return std::nullopt;
  if ((flags & routing_present) != 0 && !skip_routes(content)) return std::nullopt;
  switch (type) {
    case ethertype_ipv4:
      return ip_of_version(4, content, key);
    case ethertype_ipv6:
      return ip_of_version(6, content, key);
    case ethertype_mpls:
    case ethertype_mpls_upstream:
      return beginning_with(LinkType::mpls, content, key);
    case ethertype_ethernet:
      return beginning_with(LinkType::ethernet, content, key);
    case ethertype_erspan:
      return erspan(content, (flags & sequence_present) != 0);
    case ethertype_erspan_iii:
      return erspan_iii(content);
    case ethertype_wccp:
      // The second version has a header before the packet, which cannot be taken for one.
      if (const auto inner = ip_of_version(4, content, key)) return inner;
      return content.skip(4) ? ip_of_version(4, content, key) : std::nullopt;
    default:
      return std::nullopt;
  }
}

// RFC 7348, 5; with the group policy extension's flags and group (draft-smith-vxlan-group-policy).
std::optional<Inner> vxlan(Content content) noexcept {
  constexpr std::uint8_t identifier_present = 0x08, group_policy = 0x80;
  const std::uint8_t* header = content.take(8);
  if (header == nullptr || (header[0] & ~group_policy) != identifier_present || header[7] != 0) return std::nullopt;
  if ((header[0] & group_policy) == 0 && load24(header + 1) != 0) return std::nullopt;
  return likely_ethernet(content, load24(header + 4));
}

// The generic protocol extension, draft-ietf-nvo3-vxlan-gpe, 3.1: as VXLAN, unless it names what follows.
std::optional<Inner> vxlan_gpe(Content content) noexcept {
  constexpr std::uint8_t identifier_present = 0x08, protocol_present = 0x04;
  enum : std::uint8_t { ipv4 = 1, ipv6 = 2, ethernet = 3 };
  if (!content.has(8) || (content.here()[0] & protocol_present) == 0) return vxlan(content);
  const std::uint8_t* header = content.take(8);
  if (header[0] != (identifier_present | protocol_present) || load16(header + 1) != 0 || header[7] != 0) {
    return std::nullopt;
  }
  const std::uint32_t network = load24(header + 4);
  if (header[3] == ipv4 || header[3] == ipv6) return likely_ip(content, network);
  return header[3] == ethernet ? likely_ethernet(content, network) : std::nullopt;
}

// RFC 8926, 3.4 and 3.5: options end where the header says.
std::optional<Inner> geneve(Content content) noexcept {
  const std::uint8_t* header = content.take(8);
  if (header == nullptr || header[0] >> 6U != 0 || (header[1] & 0x3fU) != 0 || header[7] != 0) return std::nullopt;
  const std::size_t content_begin = content.offset() + std::size_t{header[0] & 0x3fU} * 4;
  while (content.offset() < content_begin) {
    const std::uint8_t* option = content.take(4);
    if (option == nullptr || !content.skip(std::size_t{option[3] & 0x1fU} * 4)) return std::nullopt;
  }
  if (content.offset() != content_begin) return std::nullopt;
  const std::uint32_t network = load24(header + 4);
  switch (load16(header + 2)) {
    case ethertype_ethernet:
      return likely_ethernet(content, network);
    case ethertype_ipv4:
    case ethertype_ipv6:
      return likely_ip(content, network);
    case ethertype_mpls:
    case ethertype_mpls_upstream:
      return beginning_with(LinkType::mpls, content, network);
    default:
      return std::nullopt;
  }
}

// TS 29.281, 5.1 and 5.2: version 1 and a G-PDU, whose length counts what follows the first eight bytes. What is
// carried is a session's, mostly IP; 5G has Ethernet too.
std::optional<Inner> gtp_u(Content content) noexcept {
  constexpr std::uint8_t version_1 = 0x30, g_pdu = 0xff, reserved = 0x08, any_optional = 0x07, extension = 0x04;
  const std::size_t whole = content.on_the_wire();
  const std::uint8_t* header = content.take(8);
  if (header == nullptr || (header[0] & 0xf0U) != version_1 || (header[0] & reserved) != 0 || header[1] != g_pdu ||
      std::size_t{load16(header + 2)} + 8 > whole) {
    return std::nullopt;
  }
  if ((header[0] & any_optional) != 0) {
    const std::uint8_t* optional = content.take(4);
    if (optional == nullptr) return std::nullopt;
    std::uint8_t next = (header[0] & extension) != 0 ? optional[3] : std::uint8_t{0};
    while (next != 0) {
      if (!content.has(1)) return std::nullopt;
      const std::size_t length = std::size_t{content.here()[0]} * 4;
      if (length == 0 || !content.skip(length)) return std::nullopt;
      next = content.here()[-1];
    }
  }
  const std::uint32_t endpoint = load32(header + 4);
  if (const auto inner = likely_ip(content, endpoint)) return inner;
  return likely_ethernet(content, endpoint);
}

// RFC 4380, 2.6: one end at least has an address of Teredo's, the present one or that of before; or both speak of the
// tunnel itself, from a link-local address (5.2.1).
bool has_teredo_address(const std::uint8_t* header) noexcept {
  constexpr std::uint32_t prefix = 0x20010000, first_prefix = 0x3ffe831f;
  const std::uint32_t source = load32(header + 8), destination = load32(header + 24);
  return source == prefix || destination == prefix || source == first_prefix || destination == first_prefix ||
         source >> 22U == 0xfe80U >> 6U;
}

// RFC 4380, 5.1.1: authentication, then origin, each where it is needed.
std::optional<Inner> teredo(Content content) noexcept {
  constexpr std::uint16_t authentication = 0x0001, origin = 0x0000;
  if (content.has(4) && load16(content.here()) == authentication) {
    // Lengths of client identifier and authentication value, these, a nonce and the confirmation byte.
    const std::size_t variable = std::size_t{content.here()[2]} + content.here()[3];
    if (!content.skip(4 + variable + 8 + 1)) return std::nullopt;
  }
  if (content.has(2) && load16(content.here()) == origin && !content.skip(8)) return std::nullopt;
  if (!looks_like_ipv6(content.extent(), content.offset()) || !has_teredo_address(content.here())) return std::nullopt;
  return Inner{LinkType::raw_ip, content.offset(), 0};
}

std::optional<Inner> over_udp(const Frame& frame, const Decoded& decoded, const Tunnels& tunnels) noexcept {
  constexpr std::uint16_t teredo_port = 3544;
  const Content content(decoded, frame);
  switch (decoded.dst_port) {
    case 4789:
    case 8472:  // Linux's, from before there was a number
      return tunnels.vxlan ? vxlan(content) : std::nullopt;
    case 4790:
      return tunnels.vxlan ? vxlan_gpe(content) : std::nullopt;
    case 6081:
      return tunnels.geneve ? geneve(content) : std::nullopt;
    case 2152:
      return tunnels.gtp_u ? gtp_u(content) : std::nullopt;
    default:
      // Servers answer from their port.
      if (decoded.dst_port != teredo_port && decoded.src_port != teredo_port) return std::nullopt;
      return tunnels.teredo ? teredo(content) : std::nullopt;
  }
}

}  // namespace

std::optional<Inner> find_tunnel(const Frame& frame, const Decoded& decoded, const Tunnels& tunnels) noexcept {
  if (decoded.depth >= tunnels.depth) return std::nullopt;
  switch (decoded.transport) {
    case Transport::Udp:
      return over_udp(frame, decoded, tunnels);
    case Transport::Gre:
      return tunnels.gre ? gre(Content(decoded, frame)) : std::nullopt;
    case ipv4_in_ip:
      return tunnels.ip_in_ip ? ip_of_version(4, Content(decoded, frame), 0) : std::nullopt;
    case ipv6_in_ip:
      return tunnels.ip_in_ip ? ip_of_version(6, Content(decoded, frame), 0) : std::nullopt;
    default:
      return std::nullopt;
  }
}

DecodeStatus decode_inner(const Frame& frame, const Inner& inner, const Decoded& outer, Decoded& decoded) noexcept {
  const Extent payload = Content(outer, frame).extent();
  const std::uint8_t depth = outer.depth;
  const std::size_t outer_tags = outer.vlan_count;
  std::array<std::uint16_t, Decoded::kept_vlans> vlans{};
  const auto kept = outer.vlan_ids();
  const auto last = std::ranges::copy(kept, vlans.begin()).out;

  const DecodeStatus status =
      decode({frame.bytes.first(payload.captured), payload.end, inner.link, inner.offset}, decoded);
  const auto room = static_cast<std::size_t>(vlans.end() - last);
  const auto own = decoded.vlan_ids();
  std::ranges::copy(own.first(std::min(own.size(), room)), last);
  decoded.vlans = vlans;
  decoded.vlan_count = static_cast<std::uint8_t>(
      std::min<std::size_t>(outer_tags + decoded.vlan_count, std::numeric_limits<std::uint8_t>::max()));
  decoded.depth = static_cast<std::uint8_t>(depth + 1);
  decoded.tunnel = inner.tunnel;
  return status;
}

}  // namespace iris::parsers::packet
