#include "jit/abi/data_types.hpp"

#include <array>

namespace iris::abi {
namespace {

using enum Event;

template <class... Events>
constexpr std::uint16_t at(Events... events) {
  return static_cast<std::uint16_t>(((1U << static_cast<unsigned>(events)) | ...));
}

constexpr std::uint16_t packets = at(L4FirstPacket, L4EndHshk, InL4Conn, InL4Stream);
constexpr std::uint16_t always = packets | at(L7OnDisc, L7EndHdrs, L7InSession, L7EndSession, L4Terminated);

// Grows with the connection, and is whole at its end.
constexpr DataTypeInfo accumulates(DataType type, std::string_view name, std::uint8_t observes) {
  return {.type = type,
          .name = name,
          .events = always,
          .ready = L4FirstPacket,
          .runs_at = L4Terminated,
          .observes = observes};
}
constexpr DataTypeInfo keeps(DataType type, std::string_view name) {
  DataTypeInfo info = accumulates(type, name, 0);
  info.max_argument = 64;
  return info;
}
// Is what it is from the first packet on.
constexpr DataTypeInfo constant(DataType type, std::string_view name, std::uint8_t observes = 0) {
  return {.type = type, .name = name, .events = always, .ready = L4FirstPacket, .observes = observes};
}
constexpr DataTypeInfo of_packet(DataType type, std::string_view name) {
  return {.type = type, .name = name, .events = packets, .ready = L4FirstPacket};
}

constexpr std::array table{
    constant(DataType::five_tuple, "iris::FiveTuple"),
    of_packet(DataType::l4_pdu, "iris::L4Pdu"),
    of_packet(DataType::payload, "iris::Payload"),
    accumulates(DataType::conn_record, "iris::ConnRecord", observe::counters | observe::coverage),
    accumulates(DataType::pkt_count, "iris::PktCount", observe::counters),
    accumulates(DataType::byte_count, "iris::ByteCount", observe::counters),
    accumulates(DataType::inter_arrivals, "iris::InterArrivals", observe::arrivals),
    accumulates(DataType::conn_history, "iris::ConnHistory", observe::counters | observe::coverage),
    accumulates(DataType::conn_duration, "iris::ConnDuration", 0),
    constant(DataType::start_time, "iris::StartTime"),
    constant(DataType::eth_addr, "iris::EthAddr", observe::link),
    constant(DataType::vlan, "iris::Vlan"),
    accumulates(DataType::tcp_metrics, "iris::TcpMetrics", observe::coverage | observe::metrics),
    keeps(DataType::first_packets, "iris::FirstPackets"),
    keeps(DataType::originator_packets, "iris::OriginatorPackets"),
    keeps(DataType::responder_packets, "iris::ResponderPackets"),
    DataTypeInfo{.type = DataType::service,
                 .name = "iris::Service",
                 .events = at(L7OnDisc, L7EndHdrs, L7InSession, L7EndSession, L4Terminated),
                 .ready = L7OnDisc},
    // All that there is at Packet.
    DataTypeInfo{
        .type = DataType::frame, .name = "iris::Frame", .events = at(Packet), .ready = Packet, .runs_at = Packet},
    DataTypeInfo{.type = DataType::session_data,
                 .name = "iris::SessionData",
                 .events = at(L7InSession),
                 .ready = L7InSession,
                 .runs_at = L7InSession},
    // Of which there are as many as protocols. In a stateful callback the latest session stays at hand.
    DataTypeInfo{.type = DataType::session,
                 .name = {},
                 .events = at(InL4Conn, InL4Stream, L7EndHdrs, L7InSession, L7EndSession, L4Terminated),
                 .ready = L7EndHdrs,
                 .runs_at = L7EndHdrs},
};
static_assert([] {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].type != static_cast<DataType>(i)) return false;
  }
  return table.size() == static_cast<std::size_t>(DataType::session) + 1;
}());

}  // namespace

std::span<const DataTypeInfo> data_types() noexcept { return table; }

const DataTypeInfo& info_of(DataType type) noexcept { return table[static_cast<std::size_t>(type)]; }

Observation observation_of(DataType type, std::uint32_t argument) noexcept {
  Observation wanted;
  wanted.what = info_of(type).observes;
  const auto count = static_cast<std::uint8_t>(std::min<std::uint32_t>(argument, info_of(type).max_argument));
  if (type == DataType::first_packets) wanted.packets = count;
  if (type == DataType::originator_packets) wanted.originator_packets = count;
  if (type == DataType::responder_packets) wanted.responder_packets = count;
  return wanted;
}

}  // namespace iris::abi
