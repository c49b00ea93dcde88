// The Iris SDK: the one header that a subscription includes.
//
// A subscription is a C++ source. It says which traffic it wants (a filter), what it wants to know of it (the types of
// its parameters), and what to do (its body):
//
//   #include <iris/iris.hpp>
//
//   struct Row { iris::Endpoint server; std::string_view sni; };
//
//   IRIS_CALLBACK("tls.sni contains 'example'")
//   void log_tls(const iris::TlsHandshake& tls, const iris::FiveTuple& flow) {
//     iris::emit(Row{flow.responder, tls.sni()});
//   }
//
// `irisctl add log_tls.cpp` makes it run; each emit becomes one line of JSON.
//
// Filters. `tls and ipv4.addr in 10.0.0.0/8`, `tcp.port = 443 or tcp.port in 8000..8999`, `not tls.sni matches
// '^www\\.'`, `http.host under file='hosts.txt'`, `sample(1%)`. A field implies its protocol; a comparison on an absent
// field is false. A callback that takes a session (TlsHandshake, HttpTransaction) runs once for each session that
// matches; others run once for each connection that does. `irisctl fields` lists what filters may name;
// jit/filter/README.md of Iris's source is the whole language, on one page.
//
// What the language cannot say, a predicate of your own says: a function or a struct with IRIS_FILTER, which filters of
// the same source name, as in `tls and chatty` (iris/filter.hpp).
//
// Events. When a function runs follows from what it asks for: FiveTuple alone, as soon as the filter is true;
// TlsHandshake, when the handshake was parsed; ConnRecord, at the connection's end. IRIS_ON says it where it does not
// follow, or where you want it elsewhere:
//
//   IRIS_CALLBACK("tcp.port = 53") IRIS_ON(InL4Conn)
//   void each_packet(const iris::L4Pdu& pdu);
//
// Data types, each taken as `const iris::T&`. Of a connection: FiveTuple, StartTime, EthAddr, Vlan (from its first
// packet on); ConnRecord, PktCount, ByteCount, InterArrivals, ConnHistory, ConnDuration, TcpMetrics (up to the moment
// of the call); FirstPackets<N>, OriginatorPackets<N>, ResponderPackets<N> (raw, from its start); Service (once
// identified). Of a packet: L4Pdu, Payload. Of a session: TlsHandshake, HttpTransaction,
// DnsTransaction, QuicConnection, SshHandshake, MqttExchange; at L7EndHdrs its headers are known, at L7EndSession all
// of it. Behind an HttpTransaction, SessionData is each piece of its bodies as it arrives, at L7InSession. What nobody
// takes is neither computed nor stored.
//
// State. A struct with IRIS_CALLBACK is constructed when its filter becomes true for a connection, sees what happens
// from then on, and is destroyed with the connection. A method that returns false unsubscribes that connection.
//
//   struct IRIS_CALLBACK("tls") Volume {
//     std::uint64_t bytes = 0;
//     IRIS_ON(InL4Conn) void update(const iris::L4Pdu& pdu) { bytes += pdu.payload.size(); }
//     IRIS_ON(L4Terminated) void end(const iris::FiveTuple& flow) { iris::emit(Row{flow, bytes}); }
//   };
//
// Packets. ICMP, SCTP, ESP, GRE are never connections. At Packet, every captured frame is delivered by itself, TCP and
// UDP among them: filters then know addresses, ports, protocols and `icmp.type`, with the sender as `src`.
//
//   IRIS_CALLBACK("icmp.type = 3") IRIS_ON(Packet)
//   void unreachable(const iris::Frame& frame) {
//     if (const auto flow = frame.quoted()) iris::emit(Row{flow->responder, frame.icmp()->code});
//   }
//
// References, views and spans that you are given are valid only during the call. User code runs on the core that
// receives packets: it must not block. In-process C++ is trusted code; Iris guards against accidents, not attackers.
#pragma once

#include <iris/annotations.hpp>
#include <iris/conn_parts.hpp>
#include <iris/conn_record.hpp>
#include <iris/emit.hpp>
#include <iris/event.hpp>
#include <iris/filter.hpp>
#include <iris/frame.hpp>
#include <iris/ip_header.hpp>
#include <iris/l4_pdu.hpp>
#include <iris/link.hpp>
#include <iris/net.hpp>
#include <iris/packets.hpp>
#include <iris/protocols/dns.hpp>
#include <iris/protocols/http.hpp>
#include <iris/protocols/mqtt.hpp>
#include <iris/protocols/quic.hpp>
#include <iris/protocols/ssh.hpp>
#include <iris/protocols/tls.hpp>
#include <iris/session_data.hpp>
#include <iris/tcp_metrics.hpp>
#include <iris/time.hpp>
