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
  bool vxlan = true;   // RFC 7348: UDP ports 4789 and 8472
  bool geneve = true;  // RFC 8926: UDP port 6081
  bool gtp_u = true;   // 3GPP TS 29.281: UDP port 2152
  bool teredo = true;  // RFC 4380: UDP port 3544
  std::uint8_t depth = 4;  // of tunnels in tunnels
};

// Where the packet inside begins.
struct Inner {
  LinkType link = LinkType::raw_ip;
  std::size_t offset = 0;    // from the beginning of the frame
  std::uint32_t tunnel = 0;  // VNI, TEID, GRE key, ERSPAN session; 0: none
};

// Whether what was decoded, with DecodeStatus::ok or other_transport, is a tunnel that is looked into. `decoded.depth`
// and the content's own headers are checked: a UDP port alone is no proof.
[[nodiscard]] std::optional<Inner> find_inner(const Frame& frame, const Decoded& decoded,
                                              const Tunnels& tunnels) noexcept;

}  // namespace iris::parsers::packet
