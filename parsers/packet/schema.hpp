// The network and transport protocols as filters see them: fields of iris::ConnRecord, no parsers. `src` is the
// originator, `dst` the responder, `addr` and `port` either of them.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::packet {

// Have no presence field: whatever is decoded at all is a connection over IP, so these bare names are always true.
extern const Protocol conn;  // facts of the connection itself that its first packet decides
extern const Protocol ip;
extern const Protocol ipv4;  // present when ip.version is 4
extern const Protocol ipv6;  // present when ip.version is 6
extern const Protocol tcp;   // present when ip.protocol is 6
extern const Protocol udp;   // present when ip.protocol is 17

}  // namespace iris::parsers::packet
