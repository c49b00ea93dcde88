// When a TCP connection is open and when it is over (RFC 9293, 3.3.2, 3.5, 3.6 and 3.10.7), as a bystander sees it:
// both directions, any packet possibly missing, doubled, out of order, or forged by somebody who sees none of them.
//
// A bystander cannot know what an end has received; it knows what the end acknowledged and how much more it would take.
// So three numbers are kept of each direction, and every packet may move them on: the end of what was sent, the highest
// acknowledgement, the right edge of the window. A RST or FIN counts if the end that it is sent to could accept it by
// these. In the middle of a connection a packet touches nothing else. Reassembly has no say in this.
//
// Originator and responder. The originator sent the SYN. Whoever sends the first packet is it, but for a SYN-ACK: that
// answers a SYN which was missed or is late, so the connection is turned round (TcpChange::turned). Ends that open at
// once, and a split handshake (a SYN answered by a SYN, that by a SYN-ACK), are one connection each, begun by the first
// SYN: RFC 9293, 3.5, has both ends of one connection send a SYN there, and each acknowledges the other's.
//
// Another connection with the same five-tuple (TcpChange::reopened) is begun by a SYN with another number:
//   - after the end, or once a FIN was seen: at once (RFC 9293, 3.6.1, RFC 6191);
//   - while the first SYN of the same end is unanswered: at once, each attempt being a connection of its own;
//   - else, when it is answered. A SYN that nobody answers may be forged or a stray, and an end that has the connection
//     open refuses it (RFC 5961, 4). The packet that reopens is then the SYN-ACK, which begins a connection turned
//     round; the SYN was counted with the old one. Where only one direction is seen, what follows the SYN is the
//     answer.
// The same SYN again begins nothing, before or after the end, nor does one that was not seen before and lies just
// before what its sender sent: it is late. One that is sent again after a RST begins another if it is answered.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <type_traits>

#include <iris/l4_pdu.hpp>

namespace iris::conn {

enum class TcpPhase : std::uint8_t {
  none,         // no packet yet
  opening,      // some SYN was seen; the handshake is not complete
  partial,      // data flows, and the handshake was not seen whole: picked up midstream, or packets were missed
  established,  // both SYNs were acknowledged. One that was not seen itself is known from the SYN-ACK that answers it
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

// What every packet of an open connection needs: a cache line beside the record. All zero: nothing is known. Indexed by
// Direction: of what the end sends.
struct alignas(64) TcpSequences {
  std::array<std::uint32_t, 2> end{};            // after all that it sent, SYN and FIN included
  std::array<std::uint32_t, 2> acknowledged{};   // the highest acknowledgement that it sent
  std::array<std::uint32_t, 2> edge{};           // right edge of the window that it offered; never moves back
  std::array<std::uint32_t, 2> after_syn{};      // after its latest SYN
  std::array<std::uint32_t, 2> after_fin{};      // after its latest FIN
  std::array<std::uint32_t, 2> after_new_syn{};  // after a SYN that may begin another connection
  std::array<std::uint16_t, 2> mss{};            // option of its SYN; 0: none seen
  std::array<std::uint8_t, 2> scale_option{};    // option of its SYN, plus 2; 1: its SYN has none; 0: not seen
  std::array<std::uint8_t, 2> shift{};           // how `window` is scaled, or a guess at it
  std::uint8_t known = 0;                        // what of the above means something
};
static_assert(sizeof(TcpSequences) == 64 && std::is_trivially_copyable_v<TcpSequences>);

struct TcpHeader {
  static constexpr std::uint8_t no_scale = 0xff;

  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint32_t payload_length = 0;  // on the wire
  std::uint8_t flags = 0;            // tcp_flag bits
  Direction direction = Direction::FromOriginator;
  std::uint16_t window = 0;  // as sent
  // Options, of a SYN only.
  std::uint16_t mss = 0;                 // 0: none
  std::uint8_t window_scale = no_scale;  // at most 14
};

enum class TcpClose : std::uint8_t { none, fin, rst };

struct TcpChange {
  bool handshake_completed = false;  // with this packet; at most once
  // This is the first packet, and not the SYN that opens a connection. That may come yet, out of order: where the
  // handshake is completed and its own SYN was seen, nothing of the opening is missing (saw_opening).
  bool midstream = false;
  // This is the first packet, and was sent by the responder: exchange the ends. For this packet `header.direction` was
  // taken as FromResponder already.
  bool turned = false;
  TcpClose closed = TcpClose::none;  // with this packet; at most once
  // The packet opens another connection with the same five-tuple. It changed nothing here: end this connection and let
  // the packet begin the next.
  bool reopened = false;
  // A RST that its receiver would refuse: it changed nothing. A blind attack, a middlebox, or a stray of an older
  // connection.
  bool stray_reset = false;

  bool operator==(const TcpChange&) const = default;
};

// The end of what the segment occupies in the sequence space.
[[nodiscard]] constexpr std::uint32_t end_of(const TcpHeader& header) {
  return header.sequence + header.payload_length + ((header.flags & tcp_flag::syn) != 0 ? 1U : 0U) +
         ((header.flags & tcp_flag::fin) != 0 ? 1U : 0U);
}

// Whether the sequence number `a` is at or after `b` (RFC 9293, 3.4): less than 2^31 further.
[[nodiscard]] constexpr bool at_or_after(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) >= 0;
}

// Whether the segment may change a connection's state (RFC 9293, 3.1).
[[nodiscard]] constexpr bool is_special(std::uint8_t flags) {
  return (flags & (tcp_flag::syn | tcp_flag::fin | tcp_flag::rst)) != 0;
}

// The parts of advance().
namespace tcp {
void follow(TcpSequences& sequences, const TcpHeader& header) noexcept;
[[nodiscard]] TcpChange advance(TcpState& state, TcpSequences& sequences, TcpHeader header) noexcept;
}  // namespace tcp

// Takes one packet of the connection, in order of arrival. After the end, `sequences` stay as they were.
//
// A RST counts where nothing contradicts it (RFC 9293, 3.10.7; RFC 5961, 3.2, asks for the exact number, which only the
// receiver knows). One that acknowledges a SYN that might begin another connection says that there is none, and counts.
// Otherwise, in this order:
//   1. Its receiver has sent a SYN and acknowledged nothing: the RST must acknowledge the SYN. Where its sender has
//      sent something itself, one that fits it will do, as in 3.
//   2. Its receiver has acknowledged something: its number must lie in the receiver's window, or within 65535 above,
//      for what the tap may have missed; or be the end of what its sender was seen to send.
//   3. Its sender has sent something: its number must lie within 65535 of the end of that.
//   4. Nothing is known of either: it is believed.
// Of RSTs without any relation to the connection about one in 30,000 passes, more where windows are larger. The same (2
// to 4) is asked of a FIN; one that fails is believed when it is acknowledged and the other end closes too.
[[nodiscard]] inline TcpChange advance(TcpState& state, TcpSequences& sequences, const TcpHeader& header) noexcept {
  if (state.phase == TcpPhase::established && !is_special(header.flags)) [[likely]] {
    tcp::follow(sequences, header);
    return {};
  }
  return tcp::advance(state, sequences, header);
}

// Whether the originator's SYN was captured itself, at its time or later.
[[nodiscard]] bool saw_opening(const TcpSequences& sequences) noexcept;

// By how much windows of that end are shifted to the left; none where it is not known: a SYN was not seen, with its
// options (RFC 7323, 2.2). The window of a SYN itself is never scaled.
[[nodiscard]] std::optional<std::uint8_t> window_shift(const TcpSequences& sequences, Direction sender) noexcept;

// The highest acknowledgement that the end has sent.
[[nodiscard]] std::optional<std::uint32_t> acknowledged_by(const TcpSequences& sequences, Direction sender) noexcept;

// ---

namespace tcp {

// TcpSequences::known: a bit a direction.
enum Known : std::uint8_t {
  knows_end = 0x01,
  knows_acknowledged = 0x04,
  knows_new_syn = 0x10,
  knows_syn_itself = 0x40
};

inline void take_acknowledgement(TcpSequences& sequences, const TcpHeader& header) noexcept {
  const auto from = static_cast<unsigned>(header.direction);
  if (at_or_after(header.acknowledgement, sequences.acknowledged[from])) {
    sequences.acknowledged[from] = header.acknowledgement;
  }
  const std::uint32_t edge = header.acknowledgement + (std::uint32_t{header.window} << sequences.shift[from]);
  if (at_or_after(edge, sequences.edge[from])) sequences.edge[from] = edge;
}

// Of an established connection: all three numbers are known of both ends.
inline void follow(TcpSequences& sequences, const TcpHeader& header) noexcept {
  const auto from = static_cast<unsigned>(header.direction);
  const std::uint32_t end = header.sequence + header.payload_length;
  if (at_or_after(end, sequences.end[from])) sequences.end[from] = end;
  if ((header.flags & tcp_flag::ack) != 0) take_acknowledgement(sequences, header);
}

}  // namespace tcp

}  // namespace iris::conn
