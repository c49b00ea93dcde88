// Who asked for which name, and what was the answer?
#include <iris/iris.hpp>

struct answer {
  std::string_view name;
  std::uint16_t type;
  std::uint32_t ttl;
  std::string_view data;
};

struct dns {
  iris::Endpoint originator;
  iris::Endpoint responder;
  std::string_view transport;
  std::uint16_t id;
  std::optional<std::string_view> query;
  std::optional<std::uint16_t> qtype;
  std::optional<std::uint16_t> qclass;
  std::optional<std::uint16_t> rcode;
  std::vector<answer> answers;
  bool authoritative;
  bool truncated;
  bool recursion_desired;
  bool recursion_available;
  std::optional<iris::Duration> rtt;
};

IRIS_CALLBACK("dns")
void log_dns(const iris::DnsTransaction& transaction, const iris::FiveTuple& flow) {
  std::vector<answer> answers;
  for (const iris::DnsRecord& each : transaction.answers()) {
    answers.push_back({each.name, each.type, each.ttl, each.data});
  }
  iris::emit(dns{flow.originator, flow.responder, iris::name(flow.transport), transaction.id(),
                 iris::if_present(transaction.query()), transaction.qtype(), transaction.qclass(), transaction.rcode(),
                 std::move(answers), transaction.authoritative(), transaction.truncated(),
                 transaction.recursion_desired(), transaction.recursion_available(), transaction.rtt()});
}
