// Protocols that are recognised by name and have no sessions: they are what `service` says of a connection, at
// L7OnDisc. Their probes ask for content that nothing else has; ports only settle what content leaves open.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::identified {

// Lines of text (lines.cpp).
extern const Protocol smtp;   // RFC 5321
extern const Protocol ftp;    // RFC 959, its control connection
extern const Protocol imap;   // RFC 9051
extern const Protocol pop3;   // RFC 1939
extern const Protocol sip;    // RFC 3261
extern const Protocol redis;  // RESP, https://redis.io/docs/latest/develop/reference/protocol-spec

// Binary messages in a byte stream (messages.cpp).
extern const Protocol rdp;         // [MS-RDPBCGR] 2.2.1.1
extern const Protocol smb;         // [MS-SMB2] 2.1 and 2.2.1, [MS-CIFS], RFC 1002
extern const Protocol ldap;        // RFC 4511, also over UDP
extern const Protocol postgresql;  // PostgreSQL's documentation, 55.7
extern const Protocol mysql;       // MySQL's documentation, "Protocol::Handshake"
extern const Protocol bittorrent;  // BEP 3, 5, 15

// Datagrams (datagrams.cpp).
extern const Protocol ntp;   // RFC 5905
extern const Protocol dhcp;  // RFC 2131
extern const Protocol stun;  // RFC 8489, also over TCP
extern const Protocol rtp;   // RFC 3550

// Tunnels (vpn.cpp).
extern const Protocol openvpn;    // openvpn's doc/doxygen, "Network protocol"
extern const Protocol wireguard;  // WireGuard: Next Generation Kernel Network Tunnel, 5.4

}  // namespace iris::parsers::identified
