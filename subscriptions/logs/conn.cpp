// Who spoke with whom, for how long, how much, and how did it end?
#include <iris/iris.hpp>

struct conn {
  iris::Endpoint originator;
  iris::Endpoint responder;
  std::string_view transport;
  iris::Timestamp start;
  iris::Duration duration;
  std::uint64_t orig_packets;
  std::uint64_t resp_packets;
  std::uint64_t orig_payload_bytes;
  std::uint64_t resp_payload_bytes;
  std::uint64_t orig_gap_bytes;
  std::uint64_t resp_gap_bytes;
  std::string_view history;
  std::optional<std::string_view> service;
  iris::EndReason end;
  std::span<const std::uint16_t> vlan;
};

IRIS_CALLBACK("")
void log_conn(const iris::ConnRecord& record, const iris::Service& service) {
  const auto& [originator, responder, transport] = record.tuple;
  iris::emit(conn{originator, responder, iris::name(transport), record.start, record.duration(),
                  record.originator.packets, record.responder.packets, record.originator.payload_bytes,
                  record.responder.payload_bytes, record.originator.gap_bytes, record.responder.gap_bytes,
                  record.history(), service.name, record.end, record.vlans()});
}
