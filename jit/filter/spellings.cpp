// Only what means the same in both: Wireshark's http.request is a question about a message, dns.a a value of another
// type, and tls.handshake.version the legacy one of either hello.
#include "jit/filter/spellings.hpp"

#include <algorithm>
#include <iterator>

namespace iris::filter {
namespace {

struct Spelling {
  std::string_view theirs;
  std::string_view ours;
};

constexpr Spelling spellings[] = {
    {"eth", "ethernet"},
    {"eth.src", "ethernet.src"},
    {"eth.dst", "ethernet.dst"},
    {"eth.addr", "ethernet.addr"},
    {"eth.type", "ethernet.ether_type"},
    {"ip.ttl", "ipv4.time_to_live"},
    {"ip.id", "ipv4.identification"},
    {"ip.len", "ipv4.total_length"},
    {"ip.dsfield", "ipv4.type_of_service"},
    {"ip.dsfield.dscp", "ipv4.dscp"},
    {"ip.dsfield.ecn", "ipv4.ecn"},
    {"ip.flags.rb", "ipv4.rf"},
    {"ip.flags.df", "ipv4.df"},
    {"ip.flags.mf", "ipv4.mf"},
    {"ip.checksum", "ipv4.header_checksum"},
    {"ipv6.hlim", "ipv6.hop_limit"},
    {"ipv6.flow", "ipv6.flow_label"},
    {"ipv6.tclass", "ipv6.traffic_class"},
    {"ipv6.plen", "ipv6.payload_length"},
    {"ipv6.nxt", "ipv6.next_header"},
    {"tcp.seq_raw", "tcp.seq_no"},
    {"tcp.ack_raw", "tcp.ack_no"},
    {"tcp.flags.syn", "tcp.syn"},
    {"tcp.flags.ack", "tcp.ack"},
    {"tcp.flags.fin", "tcp.fin"},
    {"tcp.flags.reset", "tcp.rst"},
    {"tcp.flags.push", "tcp.psh"},
    {"tcp.flags.urg", "tcp.urg"},
    {"tcp.flags.ece", "tcp.ece"},
    {"tcp.flags.cwr", "tcp.cwr"},
    {"tcp.window_size_value", "tcp.window"},
    {"icmp.ident", "icmp.identifier"},
    {"icmp.seq", "icmp.sequence"},
    {"icmpv6.echo.identifier", "icmpv6.identifier"},
    {"icmpv6.echo.sequence_number", "icmpv6.sequence"},
    {"ip.src", "ip.src_addr"},
    {"ip.dst", "ip.dst_addr"},
    {"ip.proto", "ip.protocol"},
    {"ipv6.src", "ipv6.src_addr"},
    {"ipv6.dst", "ipv6.dst_addr"},
    {"tcp.srcport", "tcp.src_port"},
    {"tcp.dstport", "tcp.dst_port"},
    {"udp.srcport", "udp.src_port"},
    {"udp.dstport", "udp.dst_port"},
    {"tls.handshake.extensions_server_name", "tls.sni"},
    {"tls.handshake.ja3", "tls.ja3"},
    {"tls.handshake.ja3_full", "tls.ja3_str"},
    {"tls.handshake.ja3s", "tls.ja3s"},
    {"tls.handshake.ja3s_full", "tls.ja3s_str"},
    {"tls.handshake.ja4", "tls.ja4"},
    {"http.request.method", "http.method"},
    {"http.request.uri", "http.uri"},
    {"http.referer", "http.referrer"},
    {"http.response.code", "http.status"},
    {"http.response.phrase", "http.reason"},
    {"dns.qry.name", "dns.query"},
    {"dns.qry.type", "dns.qtype"},
    {"dns.qry.class", "dns.qclass"},
    {"dns.flags.opcode", "dns.opcode"},
    {"dns.flags.rcode", "dns.rcode"},
    {"dns.flags.authoritative", "dns.authoritative"},
    {"dns.flags.truncated", "dns.truncated"},
    {"dns.flags.recdesired", "dns.recursion_desired"},
    {"dns.flags.recavail", "dns.recursion_available"},
    {"dns.flags.authenticated", "dns.authentic_data"},
    {"mqtt.clientid", "mqtt.client_id"},
    {"mqtt.kalive", "mqtt.keep_alive"},
};

}  // namespace

std::string_view our_name(std::string_view name) {
  const auto* found = std::ranges::find(spellings, name, &Spelling::theirs);
  return found == std::end(spellings) ? name : found->ours;
}

}  // namespace iris::filter
