// A transaction as text: everything that it refers to is read.
#pragma once

#include <iris/protocols/dns.hpp>

#include <string>

namespace iris::parsers::test {

// "7 a.example A? -> 0 [a.example 1 192.0.2.1] rtt"
inline std::string describe(const DnsTransaction& dns) {
  std::string text = std::to_string(dns.id()) + " ";
  text += dns.query().data() == nullptr ? "-" : std::string(dns.query());
  text += " " + (dns.qtype() ? std::to_string(*dns.qtype()) : "-") + (dns.query_seen() ? "?" : "");
  if (dns.answered()) text += " -> " + std::to_string(dns.rcode().value_or(999));
  for (const auto section : {dns.answers(), dns.authorities(), dns.additionals()}) {
    for (const DnsRecord& record : section) {
      text +=
          " [" + std::string(record.name) + " " + std::to_string(record.type) + " " + std::string(record.data) + "]";
      for (const std::uint8_t byte : record.bytes) text += byte == 0xff && record.type == 65535 ? "!" : "";
    }
  }
  for (const auto& edns : {dns.query_edns(), dns.edns()}) {
    if (!edns) continue;
    text += " edns " + std::to_string(edns->udp_size) + (edns->dnssec_ok ? " do" : "");
    if (edns->client_subnet.data() != nullptr) text += " subnet " + std::string(edns->client_subnet);
    if (edns->extended_error)
      text += " error " + std::to_string(*edns->extended_error) + " " + std::string(edns->extended_error_text);
    if (!edns->cookie.empty()) text += " cookie " + std::to_string(edns->cookie.size() + edns->cookie[0]);
  }
  if (dns.rtt()) text += " rtt";
  if (dns.malformed()) text += " malformed";
  return text;
}

}  // namespace iris::parsers::test
