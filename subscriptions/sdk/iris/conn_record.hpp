// What is known of a whole connection.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include <iris/l4_pdu.hpp>
#include <iris/net.hpp>
#include <iris/time.hpp>

namespace iris {

// Why a connection, or a subscription's view of it, ended.
enum class EndReason : std::uint8_t {
  fin,           // FIN from both sides, acknowledged
  rst,           // RST from either side
  timeout,       // inactivity
  end_of_input,  // the capture ended, or the daemon stopped
  removed,       // the connection goes on; the subscription was removed
  evicted,       // the table was full, and the connection made room for a new one
};

// One direction of a connection. Bytes are those on the wire, also where a capture cut packets off.
struct Flow {
  std::uint64_t packets = 0;
  std::uint64_t wire_bytes = 0;     // whole frames
  std::uint64_t payload_bytes = 0;  // after the transport header; of TCP each sequence number once
  std::uint64_t gap_bytes = 0;      // TCP: sequence numbers skipped, and in no packet that was seen
};

// Data type: counters and times of a connection, from its first packet to the moment of the call. Whole at
// L4Terminated, where a function that takes it runs unless IRIS_ON says otherwise.
struct ConnRecord {
  FiveTuple tuple;
  Timestamp start;  // of the first packet
  Timestamp last;   // of the latest packet
  Flow originator;
  Flow responder;
  // Zeek's letters, each once a direction, upper case from the originator: S SYN, H SYN-ACK, A pure ACK, D payload,
  // F FIN, R RST, C bad checksum, G bytes that the tap missed, I FIN with RST, Q SYN with FIN or RST, T payload sent
  // again, W zero window; ^ first where the connection was turned round, having begun with a SYN-ACK. Filled up to its
  // length.
  std::array<char, 25> history_letters{};
  std::uint8_t history_length = 0;
  EndReason end = EndReason::end_of_input;  // meaningful at L4Terminated
  bool midstream = false;                   // TCP, and the connection's SYN was not seen, so far
  bool degraded = false;  // Iris was short of memory: payload was not looked at, or callbacks not called
  std::uint8_t vlan_count = 0;
  std::array<std::uint16_t, 4> vlan_ids{};  // filled up to vlan_count

  [[nodiscard]] constexpr Duration duration() const { return last - start; }
  [[nodiscard]] constexpr std::string_view history() const { return {history_letters.data(), history_length}; }
  // Of the first packet, outermost first; no more than four.
  [[nodiscard]] constexpr std::span<const std::uint16_t> vlans() const { return std::span(vlan_ids).first(vlan_count); }
  [[nodiscard]] constexpr const Flow& of(Direction direction) const {
    return direction == Direction::FromOriginator ? originator : responder;
  }
};

}  // namespace iris
