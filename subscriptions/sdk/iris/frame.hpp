// One packet by itself, as it was captured: what callbacks at the event Packet take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <iris/ip_header.hpp>
#include <iris/net.hpp>
#include <iris/time.hpp>

namespace iris {

// What a captured frame begins with. Values are part of the binary interface: append only.
enum class LinkType : std::uint8_t {
  ethernet = 0,
  raw_ip = 1,         // an IP header; also what a tunnel or a reassembled datagram leaves
  linux_sll = 2,      // Linux "cooked" capture
  linux_sll2 = 3,     // its second version
  null_loopback = 4,  // BSD loopback
  ppp = 5,
  pppoe = 6,
  mpls = 7,
};

// How far a frame was understood. Values are part of the binary interface: append only.
enum class FrameStatus : std::uint8_t {
  transport = 0,  // TCP or UDP
  ip = 1,         // another transport over IP: ICMP, SCTP, ESP, GRE, …
  fragment = 2,   // a piece of an IP datagram
  not_ip = 3,     // ARP and so on: VLAN tags only
  truncated = 4,  // the capture cut off a header: nothing is known but its bytes
  malformed = 5,  // headers contradict each other: nothing is known but its bytes
};

// The beginning of an ICMP message (RFC 792; RFC 4443, 2.1).
struct Icmp {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  // Bytes 4 to 7 as one number in host order; what they mean depends on the type: identifier and sequence number of an
  // echo, the MTU of "fragmentation needed" (lower half) and of "packet too big". 0 where the capture cut them off.
  std::uint32_t rest = 0;
};

// Data type: a packet by itself. Valid only during the call.
//
// Delivered at `Packet`: every captured frame once, fragments and retransmissions as they came; what a tunnel carries
// once more for each layer (`depth`), with the same bytes and other offsets. So a filter that is true of the tunnel's
// packet and of the packet inside is true twice.
struct Frame {
  std::span<const std::uint8_t> bytes;  // from the link header on, as captured
  // After the transport header of TCP and UDP; else all that follows the IP header. Without Ethernet's padding, and
  // without what the capture cut off. Empty where status says that there is no IP header.
  std::span<const std::uint8_t> payload;
  std::span<const std::uint16_t> vlans;  // identifiers, outermost first; at most four are kept
  Timestamp ts;                          // capture time
  std::uint32_t wire_length = 0;         // bytes of the frame on the wire, link header included
  std::uint32_t tunnel = 0;              // identifier of the innermost tunnel (VNI, TEID, GRE key); 0: none, or without
  IpAddress src_ip;                      // meaningful where has_ip()
  IpAddress dst_ip;
  std::uint16_t network_offset = 0;    // where the IP header begins in `bytes`
  std::uint16_t transport_offset = 0;  // where what it carries begins; 0: unknown
  std::uint16_t src_port = 0;          // TCP, UDP and SCTP; for others, and in later fragments, 0
  std::uint16_t dst_port = 0;
  std::uint16_t fragment_offset = 0;  // of a fragment's payload in its datagram, in bytes
  Transport transport{};              // any IP protocol number; meaningful where has_ip()
  std::uint8_t tcp_flags = 0;         // tcp_flag bits; 0 for others
  std::uint8_t depth = 0;             // tunnels around this layer
  LinkType link = LinkType::ethernet;
  FrameStatus status = FrameStatus::not_ip;

  [[nodiscard]] constexpr bool has_ip() const { return status <= FrameStatus::fragment; }
  [[nodiscard]] constexpr bool is_fragment() const { return status == FrameStatus::fragment; }
  // Whether the capture lacks the frame's end.
  [[nodiscard]] constexpr bool is_truncated() const { return bytes.size() < wire_length; }

  [[nodiscard]] constexpr std::optional<IpVersion> version() const {
    return has_ip() ? std::optional(src_ip.version) : std::nullopt;
  }
  // Who sent it to whom: originator is the sender, whoever began to speak.
  [[nodiscard]] constexpr std::optional<FiveTuple> tuple() const {
    if (!has_ip()) return std::nullopt;
    return FiveTuple{{src_ip, src_port}, {dst_ip, dst_port}, transport};
  }

  // The ICMP or ICMPv6 message that it is; nullopt for others, for later fragments, and where the capture cut it off.
  [[nodiscard]] constexpr std::optional<Icmp> icmp() const {
    const bool is_icmp = transport == Transport::Icmp || transport == Transport::Icmpv6;
    if (!has_ip() || !is_icmp || fragment_offset != 0 || payload.size() < 4) return std::nullopt;
    Icmp message{payload[0], payload[1], 0};
    if (payload.size() >= 8) {
      message.rest = std::uint32_t{detail::big_endian_16(payload, 4)} << 16U | detail::big_endian_16(payload, 6);
    }
    return message;
  }

  // Who sent what to whom that an ICMP error is about: the packet whose beginning it quotes (RFC 792; RFC 4443, 3).
  // Ports are 0 where it has none, or the quotation ends before. nullopt for what is no ICMP error, or quotes no IP
  // header in full.
  [[nodiscard]] constexpr std::optional<FiveTuple> quoted() const {
    const auto message = icmp();
    if (!message || payload.size() < 8 || !is_icmp_error(message->type)) return std::nullopt;
    const auto inside = payload.subspan(8);
    const auto header = read_ip_header(inside);
    if (!header) return std::nullopt;
    FiveTuple tuple{{header->src, 0}, {header->dst, 0}, header->transport};
    if (header->fragment_offset == 0 && has_ports(header->transport) &&
        inside.size() >= std::size_t{header->length} + 4) {
      tuple.originator.port = detail::big_endian_16(inside, header->length);
      tuple.responder.port = detail::big_endian_16(inside, header->length + 2);
    }
    return tuple;
  }

 private:
  // Destination unreachable, source quench, redirect, time exceeded, parameter problem; ICMPv6's errors are those below
  // 128 (RFC 4443, 2.1).
  [[nodiscard]] constexpr bool is_icmp_error(std::uint8_t type) const {
    if (transport == Transport::Icmpv6) return type >= 1 && type < 128;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
  }
};

}  // namespace iris
