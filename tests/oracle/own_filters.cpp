#include "tests/oracle/own_filters.hpp"

#include <algorithm>

namespace iris::oracle {

std::span<const OwnFilter> own_filters() {
  static constexpr OwnFilter filters[] = {
      {"four_packets", "", "conn.packets >= 4", R"(
struct IRIS_FILTER four_packets {
  unsigned packets = 0;
  IRIS_ON(InL4Conn) iris::FilterResult update(const iris::L4Pdu&) {
    return ++packets < 4 ? iris::FilterResult::Continue : iris::FilterResult::Accept;
  }
};
)"},
      {"few_packets", "", "conn.packets <= 6", R"(
struct IRIS_FILTER few_packets {
  std::vector<int> packets;
  IRIS_ON(InL4Conn) iris::FilterResult update(const iris::L4Pdu&) {
    packets.push_back(1);
    return packets.size() > 6 ? iris::FilterResult::Drop : iris::FilterResult::Continue;
  }
  IRIS_ON(L4Terminated) iris::FilterResult end() { return iris::FilterResult::Accept; }
};
)"},
      {"asks_much", "", "conn.orig_packets > 3", R"(
IRIS_FILTER IRIS_ON(InL4Conn) iris::FilterResult asks_much(const iris::ConnRecord& record) {
  return record.originator.packets > 3 ? iris::FilterResult::Accept : iris::FilterResult::Continue;
}
)"},
      {"low_port", "", "tcp.port < 1000 or udp.port < 1000", R"(
IRIS_FILTER iris::FilterResult low_port(const iris::FiveTuple& flow) {
  const bool low = flow.originator.port < 1000 || flow.responder.port < 1000;
  return low ? iris::FilterResult::Accept : iris::FilterResult::Drop;
}
)"},
      {"known", "", "conn.service", R"(
IRIS_FILTER iris::FilterResult known(const iris::Service& service) {
  return service.name ? iris::FilterResult::Accept : iris::FilterResult::Drop;
}
)"},
      {"long_host", "http", "len(http.host) > 10", R"(
IRIS_FILTER iris::FilterResult long_host(const iris::HttpTransaction& http) {
  return http.host().size() > 10 ? iris::FilterResult::Accept : iris::FilterResult::Drop;
}
)"},
      {"asks_addresses", "dns", "dns.qtype = 1", R"(
IRIS_FILTER iris::FilterResult asks_addresses(const iris::DnsTransaction& dns) {
  return dns.qtype() == 1 ? iris::FilterResult::Accept : iris::FilterResult::Continue;
}
)"},
      {"has_name", "tls", "tls.sni", R"(
IRIS_FILTER iris::FilterResult has_name(const iris::TlsHandshake& tls) {
  return tls.sni().data() != nullptr ? iris::FilterResult::Accept : iris::FilterResult::Drop;
}
)"},
  };
  return filters;
}

const OwnFilter* own_filter(std::string_view name) {
  const auto all = own_filters();
  const auto found = std::ranges::find(all, name, &OwnFilter::name);
  return found == all.end() ? nullptr : &*found;
}

filter::UserFilters own_names() {
  struct Known {
    std::vector<std::unique_ptr<const filter::UserFilter>> filters;
    std::vector<const filter::UserFilter*> names;
  };
  static const Known known = [] {
    Known made;
    for (const OwnFilter& own : own_filters()) {
      const auto* protocol = own.sessions_of.empty() ? nullptr : parsers::find_protocol(own.sessions_of);
      made.filters.push_back(std::make_unique<const filter::UserFilter>(std::string(own.name), protocol));
      made.names.push_back(made.filters.back().get());
    }
    return made;
  }();
  return known.names;
}

}  // namespace iris::oracle
