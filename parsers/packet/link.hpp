// What a captured frame begins with.
#pragma once

#include <cstdint>

namespace iris::parsers::packet {

enum class LinkType : std::uint8_t {
  ethernet,       // Ethernet II and IEEE 802.3 (LINKTYPE_ETHERNET)
  raw_ip,         // an IPv4 or IPv6 header (LINKTYPE_RAW, and what a tunnel or reassembly leaves)
  linux_sll,      // Linux "cooked" capture, version 1 (LINKTYPE_LINUX_SLL)
  linux_sll2,     // version 2 (LINKTYPE_LINUX_SLL2)
  null_loopback,  // BSD loopback: address family in the capturing machine's byte order (LINKTYPE_NULL, _LOOP)
  ppp,            // PPP, with or without HDLC framing (LINKTYPE_PPP, _PPP_HDLC)
  pppoe,          // a PPPoE header (LINKTYPE_PPP_ETHER)
  mpls,           // an MPLS label stack: what a tunnel leaves, no capture
};

}  // namespace iris::parsers::packet
