#include "daemon/conn/arguments.hpp"

#include <iris/tcp_metrics.hpp>

namespace iris::conn {
namespace {

constexpr TcpMetrics no_metrics{};  // UDP's, or without memory

const void* list_of(const Observed& observed, KeptPackets::List KeptPackets::* list) {
  return observed.packets == nullptr ? nullptr : &(observed.packets->*list).view;
}

}  // namespace

const void* Arguments::of(Argument type, const Connection& connection, const Active& active,
                          const Occasion& occasion) noexcept {
  const ConnRecord& record = connection.record;
  const Observed& observed = connection.observed;
  switch (type) {
    case Argument::five_tuple:
      return &record.tuple;
    case Argument::l4_pdu:
      return occasion.pdu;
    case Argument::payload:
      if (occasion.pdu == nullptr) return nullptr;
      payload_ = {occasion.pdu->payload, occasion.pdu->direction};
      return &payload_;
    case Argument::conn_record:
      return &record;
    case Argument::pkt_count:
      packets_ = {record.originator.packets, record.responder.packets};
      return &packets_;
    case Argument::byte_count:
      bytes_ = {{record.originator.wire_bytes, observed.sent_payload[0]},
                {record.responder.wire_bytes, observed.sent_payload[1]}};
      return &bytes_;
    case Argument::inter_arrivals:
      return observed.arrivals == nullptr ? nullptr : &observed.arrivals->value;
    case Argument::conn_history:
      history_ = {record.history()};
      return &history_;
    case Argument::conn_duration:
      duration_ = {record.start, record.last};
      return &duration_;
    case Argument::start_time:
      start_ = {record.start};
      return &start_;
    case Argument::eth_addr:
      return observed.link;
    case Argument::vlan:
      vlan_ = {record.vlan_ids, record.vlan_count};
      return &vlan_;
    case Argument::tcp_metrics:
      return observed.meter == nullptr ? &no_metrics : &observed.meter->metrics();
    case Argument::first_packets:
      return list_of(observed, &KeptPackets::both);
    case Argument::originator_packets:
      return list_of(observed, &KeptPackets::originator);
    case Argument::responder_packets:
      return list_of(observed, &KeptPackets::responder);
    case Argument::service:
      service_.name.reset();
      if (connection.protocol != 0) service_.name = parsers::registry()[connection.protocol].name;
      return &service_;
    case Argument::session:
      return active.session;
    case Argument::session_data:
      return occasion.data;
    case Argument::frame:  // of packets by themselves: not here
      break;
  }
  return nullptr;
}

}  // namespace iris::conn
