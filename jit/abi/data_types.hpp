// The data types that the host provides: the one list. The front end takes from it what a parameter may be and when
// there is one; the daemon, what has to be observed for it. A new one is an entry here, its definition in the SDK, and
// its computation in daemon/conn/arguments.cpp.
//
// Session types are not here but in the parsers' registry; DataType::session stands for all of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <iris/event.hpp>

namespace iris::abi {

enum class DataType : std::uint8_t {
  five_tuple,
  l4_pdu,
  payload,
  conn_record,
  pkt_count,
  byte_count,
  inter_arrivals,
  conn_history,
  conn_duration,
  start_time,
  eth_addr,
  vlan,
  tcp_metrics,
  first_packets,
  originator_packets,
  responder_packets,
  service,
  frame,
  session_data,
  session,
};

// What is kept of a connection's packets for somebody: bits of Observation::what.
namespace observe {
inline constexpr std::uint8_t counters = 0x01;  // packets, bytes and history
inline constexpr std::uint8_t coverage = 0x02;  // which sequence numbers were seen
inline constexpr std::uint8_t metrics = 0x04;
inline constexpr std::uint8_t arrivals = 0x08;
inline constexpr std::uint8_t link = 0x10;  // the first packet's link header
}  // namespace observe

// Merged over all that live subscriptions want of a connection: the union of bits, the largest of counts.
struct Observation {
  std::uint8_t what = 0;
  // Raw packets kept from the start, at most: of both directions, of one.
  std::uint8_t packets = 0;
  std::uint8_t originator_packets = 0;
  std::uint8_t responder_packets = 0;

  constexpr Observation& operator|=(const Observation& other) {
    what |= other.what;
    packets = std::max(packets, other.packets);
    originator_packets = std::max(originator_packets, other.originator_packets);
    responder_packets = std::max(responder_packets, other.responder_packets);
    return *this;
  }
  [[nodiscard]] constexpr bool has(std::uint8_t bits) const { return (what & bits) != 0; }
  [[nodiscard]] constexpr bool keeps_packets() const { return (packets | originator_packets | responder_packets) != 0; }
  [[nodiscard]] constexpr bool any() const { return what != 0 || keeps_packets(); }
  bool operator==(const Observation&) const = default;
};

struct DataTypeInfo {
  DataType type;
  std::string_view name;  // of the SDK, qualified; of a template without its argument
  std::uint16_t events;   // bit per iris::Event at which there is one
  Event ready;            // from which on there is one: before it, it is not known yet
  // Where a function runs that takes it and does not say; of several, the latest. nullopt: as soon as its filter is
  // true and the data type ready.
  std::optional<Event> runs_at{};
  std::uint8_t observes = 0;      // observe bits
  std::uint8_t max_argument = 0;  // of a template: its argument is 1 to this; 0: no template

  // One packet, and which one does not follow from the type.
  [[nodiscard]] constexpr bool is_packet() const { return type == DataType::l4_pdu || type == DataType::payload; }
  [[nodiscard]] constexpr bool exists_at(Event event) const {
    return (events >> static_cast<unsigned>(event) & 1U) != 0;
  }
};

// By DataType.
[[nodiscard]] std::span<const DataTypeInfo> data_types() noexcept;
[[nodiscard]] const DataTypeInfo& info_of(DataType type) noexcept;

// What has to be observed for it. `argument`: the template's, else 0.
[[nodiscard]] Observation observation_of(DataType type, std::uint32_t argument) noexcept;

}  // namespace iris::abi
