// The network and transport protocols as filters see them: fields of iris::ConnRecord, and of packet::PacketFacts those
// of packets; no parsers. `src` is the originator (of a packet: its sender), `dst` the responder, `addr` and `port`
// either of them.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::packet {

extern const Protocol conn;      // facts of the connection itself that its first packet decides; always present
extern const Protocol ethernet;  // of packets, and of connections' first ones, as the next; see packet::Headers
extern const Protocol vlan;
extern const Protocol ip;    // present when ip.version is 4 or 6: in every connection
extern const Protocol ipv4;  // present when ip.version is 4
extern const Protocol ipv6;  // present when ip.version is 6
extern const Protocol tcp;   // present when ip.protocol is 6
extern const Protocol udp;   // present when ip.protocol is 17

// Never connections. Present by ip.protocol, in fragments too.
extern const Protocol icmp;
extern const Protocol icmpv6;
extern const Protocol sctp;
extern const Protocol esp;
extern const Protocol gre;

}  // namespace iris::parsers::packet
