// From the beginning of a frame to its IP header: every link layer, and whatever lies between, in any order. Each
// header says what comes next, so that each has one function here, which steps over it and returns just that.
#include "parsers/packet/link.hpp"

#include <bit>

#include "parsers/packet/internet.hpp"
#include "parsers/packet/link_headers.hpp"

namespace iris::parsers::packet {
namespace {

// Headers before IP, each tag and label one. A bound against malice alone.
constexpr unsigned max_headers = 64;

enum class Next : std::uint8_t {
  ethernet,
  cooked,
  cooked2,
  loopback,
  ppp,
  pppoe,
  label_stack,
  tag,
  backbone_tag,
  llc,
  ip,  // of either version
  ipv4,
  ipv6,
  not_ip,
  truncated,
  malformed,
};

Next beginning(LinkType link) noexcept {
  switch (link) {
    case LinkType::ethernet:
      return Next::ethernet;
    case LinkType::raw_ip:
      return Next::ip;
    case LinkType::linux_sll:
      return Next::cooked;
    case LinkType::linux_sll2:
      return Next::cooked2;
    case LinkType::null_loopback:
      return Next::loopback;
    case LinkType::ppp:
      return Next::ppp;
    case LinkType::pppoe:
      return Next::pppoe;
    case LinkType::mpls:
      return Next::label_stack;
  }
  return Next::not_ip;
}

// Of an EtherType that is no 802.3 length.
Next of_ethertype(std::uint16_t type) noexcept {
  switch (type) {
    case ethertype_ipv4:
      return Next::ipv4;
    case ethertype_ipv6:
      return Next::ipv6;
    case ethertype_vlan:
    case ethertype_provider:
    case ethertype_provider_9100:
    case ethertype_provider_9200:
    case ethertype_provider_9300:
      return Next::tag;
    case ethertype_backbone:
      return Next::backbone_tag;
    case ethertype_mpls:
    case ethertype_mpls_upstream:
      return Next::label_stack;
    case ethertype_pppoe_session:
      return Next::pppoe;
    case ethertype_ethernet:
      return Next::ethernet;
    default:
      return Next::not_ip;
  }
}

class Headers {
 public:
  Headers(const Extent& packet, std::size_t offset, Decoded& decoded) noexcept
      : packet_(packet), offset_(offset), decoded_(decoded) {}

  DecodeStatus decode(Next next) noexcept {
    for (; seen_ < max_headers; ++seen_) {
      switch (next) {
        case Next::ipv4:
        case Next::ipv6:
          if (offset_ > furthest_header) return DecodeStatus::malformed;
          return next == Next::ipv4 ? decode_ipv4(packet_, offset_, decoded_) : decode_ipv6(packet_, offset_, decoded_);
        case Next::not_ip:
          return DecodeStatus::not_ip;
        case Next::truncated:
          return DecodeStatus::truncated;
        case Next::malformed:
          return DecodeStatus::malformed;
        default:
          next = step(next);
      }
    }
    return DecodeStatus::malformed;
  }

 private:
  Next step(Next header) noexcept {
    switch (header) {
      case Next::ethernet:
        return ethernet();
      case Next::cooked:
        return cooked();
      case Next::cooked2:
        return cooked2();
      case Next::loopback:
        return loopback();
      case Next::ppp:
        return ppp();
      case Next::pppoe:
        return pppoe();
      case Next::label_stack:
        return label_stack();
      case Next::tag:
        return tag();
      case Next::backbone_tag:
        return backbone_tag();
      case Next::llc:
        return llc();
      default:
        return ip();
    }
  }

  [[nodiscard]] bool has(std::size_t count) const noexcept { return packet_.has(offset_, count); }
  [[nodiscard]] const std::uint8_t* here() const noexcept { return packet_.frame + offset_; }
  // A header of `count` bytes is not all there.
  [[nodiscard]] Next lacking(std::size_t count) const noexcept {
    return offset_ + count > packet_.end ? Next::malformed : Next::truncated;
  }

  Next ethernet() noexcept {
    if (!has(ethernet_header)) return lacking(ethernet_header);
    offset_ += ethernet_header;
    return of_type(load16(here() - 2));
  }

  // What follows an EtherType, or a length of IEEE 802.3, behind which is padding.
  Next of_type(std::uint16_t type) noexcept {
    if (type > longest_802_3) return of_ethertype(type);
    packet_ = packet_.up_to(offset_ + type);
    return Next::llc;
  }

  // IEEE 802.2, SNAP (RFC 1042). Other organisations' protocol numbers are none of ours.
  Next llc() noexcept {
    constexpr std::uint32_t snap = 0xaaaa03, ip_sap = 0x060603, encapsulated = 0x000000, bridge_tunnel = 0x0000f8;
    if (!has(3)) return lacking(3) == Next::truncated ? Next::truncated : Next::not_ip;
    const std::uint32_t header = load24(here());
    if (header == ip_sap) {
      offset_ += 3;
      return Next::ip;
    }
    if (header != snap) return Next::not_ip;
    if (!has(8)) return lacking(8);
    const std::uint32_t organisation = load24(here() + 3);
    if (organisation != encapsulated && organisation != bridge_tunnel) return Next::not_ip;
    offset_ += 8;
    return of_ethertype(load16(here() - 2));
  }

  Next tag() noexcept {
    if (!has(4)) return lacking(4);
    if (decoded_.vlan_count < Decoded::kept_vlans) decoded_.vlans[decoded_.vlan_count] = load16(here()) & 0x0fffU;
    ++decoded_.vlan_count;
    offset_ += 4;
    return of_type(load16(here() - 2));
  }

  // The tag's service identifier has 24 bits and is no VLAN's.
  Next backbone_tag() noexcept {
    if (!has(4)) return lacking(4);
    offset_ += 4;
    return Next::ethernet;
  }

  Next label_stack() noexcept {
    for (; seen_ < max_headers; ++seen_) {
      if (!has(4)) return lacking(4);
      offset_ += 4;
      if ((packet_.frame[offset_ - 2] & 1U) != 0) return labelled();
    }
    return Next::malformed;
  }

  // Nothing says what a label is put on. IP is known by its version (RFC 4928), and an Ethernet pseudowire (RFC 4448)
  // by the type in its header, behind a control word (RFC 4385) or not. Addresses may begin with 4 or 6, so that an IP
  // header has to be plausible, and where nothing is, IP is what was meant.
  Next labelled() noexcept {
    constexpr std::size_t control_word = 4;
    if (!has(1)) return lacking(1);
    const unsigned version = packet_.version_nibble(offset_);
    const bool ip = version == 4 || version == 6;
    if (ip && !has(version == 4 ? ipv4_header : ipv6_header)) return Next::ip;
    if (ip && looks_like_ip(packet_, offset_)) return Next::ip;
    if (looks_like_ethernet(packet_, offset_)) return Next::ethernet;
    // Only then: four bytes further on, a VLAN tag without a control word looks like a source address, and what it tags
    // has the type.
    if (version == 0 && looks_like_ethernet(packet_, offset_ + control_word)) {
      offset_ += control_word;
      return Next::ethernet;
    }
    if (ip) return Next::ip;
    const std::size_t telling = control_word + ethernet_header + 1;
    return !has(telling) && lacking(telling) == Next::truncated ? Next::truncated : Next::not_ip;
  }

  // RFC 2516, 4: what lies behind its length is Ethernet's padding.
  Next pppoe() noexcept {
    constexpr std::size_t header = 6;
    constexpr std::uint8_t version_and_type = 0x11, session = 0;
    if (!has(header)) return lacking(header);
    if (here()[0] != version_and_type) return Next::malformed;
    if (here()[1] != session) return Next::not_ip;
    const std::size_t length = load16(here() + 4);
    offset_ += header;
    packet_ = packet_.up_to(offset_ + length);
    return ppp_protocol();
  }

  // RFC 1662, 3.1, where the address and control fields may be compressed to nothing (RFC 1661, 6.6); Cisco's HDLC
  // (RFC 1547, 4.3.1).
  Next ppp() noexcept {
    constexpr std::uint16_t all_stations = 0xff03, cisco_unicast = 0x0f00, cisco_multicast = 0x8f00;
    if (!has(2)) return lacking(2);
    const std::uint16_t first = load16(here());
    if (first == cisco_unicast || first == cisco_multicast) {
      if (!has(4)) return lacking(4);
      offset_ += 4;
      return of_ethertype(load16(here() - 2));
    }
    if (first == all_stations) offset_ += 2;
    return ppp_protocol();
  }

  // One byte of it is odd and the last (RFC 1661, 2 and 6.5).
  Next ppp_protocol() noexcept {
    constexpr std::uint16_t ipv4 = 0x0021, ipv6 = 0x0057, mpls = 0x0281, mpls_upstream = 0x0283;
    if (!has(1)) return lacking(1);
    std::uint16_t protocol = here()[0];
    std::size_t length = 1;
    if ((protocol & 1U) == 0) {
      length = 2;
      if (!has(length)) return lacking(length);
      protocol = load16(here());
    }
    offset_ += length;
    switch (protocol) {
      case ipv4:
        return Next::ipv4;
      case ipv6:
        return Next::ipv6;
      case mpls:
      case mpls_upstream:
        return Next::label_stack;
      default:
        return Next::not_ip;
    }
  }

  // AF_INET is 2 everywhere; AF_INET6 is Linux's, Windows', NetBSD's and OpenBSD's, FreeBSD's, Darwin's.
  Next loopback() noexcept {
    constexpr std::size_t header = 4;
    if (!has(header)) return lacking(header);
    std::uint32_t family = load32(here());
    if (family > 0xffffU) family = std::byteswap(family);  // families are small
    offset_ += header;
    switch (family) {
      case 2:
        return Next::ipv4;
      case 10:
      case 23:
      case 24:
      case 28:
      case 30:
        return Next::ipv6;
      default:
        return Next::not_ip;
    }
  }

  Next cooked() noexcept {
    constexpr std::size_t header = 16;
    if (!has(header)) return lacking(header);
    const std::uint8_t* begin = here();
    offset_ += header;
    return cooked_content(load16(begin + 2), load16(begin + 14));
  }
  Next cooked2() noexcept {
    constexpr std::size_t header = 20;
    if (!has(header)) return lacking(header);
    const std::uint8_t* begin = here();
    offset_ += header;
    return cooked_content(load16(begin + 8), load16(begin));
  }
  // Some devices' protocol numbers are not Ethernet's; and below the EtherTypes are Linux's own.
  static Next cooked_content(std::uint16_t device, std::uint16_t protocol) noexcept {
    constexpr std::uint16_t frame_relay = 770, netlink = 824, linux_802_2 = 4;
    if (device == frame_relay || device == netlink) return Next::not_ip;
    return protocol == linux_802_2 ? Next::llc : of_ethertype(protocol);
  }

  [[nodiscard]] Next ip() const noexcept {
    if (!has(1)) return lacking(1);
    const unsigned version = packet_.version_nibble(offset_);
    if (version == 4) return Next::ipv4;
    return version == 6 ? Next::ipv6 : Next::malformed;
  }

  static std::uint32_t load24(const std::uint8_t* bytes) noexcept {
    return std::uint32_t{load16(bytes)} << 8U | bytes[2];
  }

  Extent packet_;
  std::size_t offset_;
  Decoded& decoded_;
  unsigned seen_ = 0;
};

}  // namespace

[[gnu::noinline]] DecodeStatus decode_link(Extent packet, LinkType link, std::size_t offset,
                                           Decoded& decoded) noexcept {
  return Headers(packet, offset, decoded).decode(beginning(link));
}

bool looks_like_ethernet(const Extent& extent, std::size_t offset) noexcept {
  constexpr std::uint8_t group = 1;
  constexpr std::uint16_t snap = 0xaaaa, spanning_tree = 0x4242;
  if (!extent.has(offset, ethernet_header) || (extent.frame[offset + 6] & group) != 0) return false;
  const std::uint16_t type = load16(extent.frame + offset + 12);
  const std::size_t content = offset + ethernet_header;
  if (type == ethertype_arp || type == ethertype_pppoe_discovery) return true;
  if (type > longest_802_3) {
    const Next next = of_ethertype(type);
    if (next != Next::ipv4 && next != Next::ipv6) return next != Next::not_ip;
    return !extent.has(content, 1) || extent.version_nibble(content) == (next == Next::ipv4 ? 4U : 6U);
  }
  if (type < 3 || content + type > extent.end || !extent.has(content, 2)) return false;
  const std::uint16_t access_points = load16(extent.frame + content);
  return access_points == snap || access_points == spanning_tree;
}

}  // namespace iris::parsers::packet
