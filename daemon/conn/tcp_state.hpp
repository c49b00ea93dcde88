// When a TCP connection is open and when it is over (RFC 9293, 3.3.2 and 3.6), as a bystander sees it: both directions,
// any packet possibly missing, doubled or out of order.
//
// What every packet needs is two bytes of the hot record; sequence numbers are looked at only by packets with SYN or
// FIN and while an opening or a closing is under way. A packet in the middle of a connection touches nothing else.
// Reassembly has no say in this.
#pragma once

#include <array>
#include <cstdint>

#include <iris/l4_pdu.hpp>

namespace iris::conn {

enum class TcpPhase : std::uint8_t {
  none,         // no packet yet
  opening,      // some SYN was seen; the handshake is not complete
  partial,      // data flows, and the handshake was not seen whole: picked up midstream, or packets were missed
  established,  // SYN and its acknowledgement were seen from both sides
  closing,      // a FIN was seen
  closed_fin,   // FIN both ways, both acknowledged
  closed_rst,
};

// Part of conn::Record.
struct TcpState {
  TcpPhase phase = TcpPhase::none;
  std::uint8_t seen = 0;  // per direction: SYN, its acknowledgement, FIN, its acknowledgement

  [[nodiscard]] constexpr bool closed() const { return phase == TcpPhase::closed_fin || phase == TcpPhase::closed_rst; }
};

// What belongs to it in the cold part. Indexed by Direction.
struct TcpSequences {
  std::array<std::uint32_t, 2> after_syn{};  // sequence number after the latest SYN
  std::array<std::uint32_t, 2> after_fin{};  // after the latest FIN
  std::array<std::uint32_t, 2> acked{};      // closing: the highest acknowledgement sent in that direction
  std::array<bool, 2> has_acked{};
};

struct TcpHeader {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint32_t payload_length = 0;  // on the wire
  std::uint8_t flags = 0;            // tcp_flag bits
  Direction direction = Direction::FromOriginator;
};

enum class TcpClose : std::uint8_t { none, fin, rst };

struct TcpChange {
  bool handshake_completed = false;  // with this packet; at most once
  bool midstream = false;            // this is the first packet, and not the SYN that opens a connection
  TcpClose closed = TcpClose::none;  // with this packet; at most once
  // The packet opens another connection with the same five-tuple. It changed nothing here: end this connection and let
  // the packet begin the next.
  bool reopened = false;

  bool operator==(const TcpChange&) const = default;
};

// Takes one packet of the connection, in order of arrival. Packets without SYN and FIN of a connection that is
// established or closed, or partial without half a handshake, do not read or write `sequences`.
[[nodiscard]] TcpChange advance(TcpState& state, TcpSequences& sequences, const TcpHeader& header) noexcept;

}  // namespace iris::conn
