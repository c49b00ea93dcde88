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
