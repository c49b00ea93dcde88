// What a packet carries that is a packet again: IP in IP, GRE, ERSPAN, VXLAN, Geneve, GTP-U, Teredo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "parsers/packet/decode.hpp"

namespace iris::parsers::packet {

// Which tunnels are looked into.
struct Tunnels {
  bool ip_in_ip = true;  // 4in4, 6in4, 4in6, 6in6 (RFC 2003, 4213, 2473)
  bool gre = true;     // RFC 2784, 2890; GRE in GRE; ERSPAN II and III; transparent Ethernet bridging; PPTP's version 1
  bool vxlan = true;   // RFC 7348: UDP ports 4789 and 8472; 4790: with a next protocol (draft-ietf-nvo3-vxlan-gpe)
  bool geneve = true;  // RFC 8926: UDP port 6081
  bool gtp_u = true;   // 3GPP TS 29.281: UDP port 2152
  bool teredo = true;  // RFC 4380: UDP port 3544
  std::uint8_t depth = 4;  // of tunnels in tunnels
};

// Where the packet inside begins.
struct Inner {
  LinkType link = LinkType::raw_ip;
  std::size_t offset = 0;    // from the beginning of the frame
  std::uint32_t tunnel = 0;  // VNI, TEID, GRE key, PPTP call, ERSPAN session; 0: none
};

// Looks for what only some packets can have; find_inner() is what to call.
[[nodiscard]] std::optional<Inner> find_tunnel(const Frame& frame, const Decoded& decoded,
                                               const Tunnels& tunnels) noexcept;

// Whether what was decoded, with DecodeStatus::ok or other_transport, is a tunnel that is looked into. `decoded.depth`
// and the content's own headers are checked: a UDP port alone is no proof. A tunnel whose headers the capture cut off
// is none.
[[nodiscard]] inline std::optional<Inner> find_inner(const Frame& frame, const Decoded& decoded,
                                                     const Tunnels& tunnels) noexcept {
  if (decoded.transport == Transport::Tcp) [[likely]] {
    return std::nullopt;
  }
  return find_tunnel(frame, decoded, tunnels);
}

// Decodes what find_inner() found in the packet that `outer` describes. It ends where the outer's payload ends,
// whatever its headers claim. `decoded` is as decode() leaves it, its offsets from the beginning of the same frame, but
// for `depth`, one more than the outer's, `tunnel`, and the VLANs, which follow the outer's. It may be `outer` itself.
[[nodiscard]] DecodeStatus decode_inner(const Frame& frame, const Inner& inner, const Decoded& outer,
                                        Decoded& decoded) noexcept;

}  // namespace iris::parsers::packet
