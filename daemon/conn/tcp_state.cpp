#include "daemon/conn/tcp_state.hpp"

namespace iris::conn {
namespace {

// TcpState::seen: four bits of the originator, then four of the responder.
enum Seen : std::uint8_t { syn = 1, syn_acked = 2, fin = 4, fin_acked = 8 };

constexpr std::uint8_t both(Seen what) { return static_cast<std::uint8_t>(what | what << 4); }
constexpr unsigned index_of(Direction direction) { return static_cast<unsigned>(direction); }

bool has(const TcpState& state, Seen what, unsigned direction) { return (state.seen >> 4 * direction & what) != 0; }
bool has_both(const TcpState& state, Seen what) { return (state.seen & both(what)) == both(what); }
void note(TcpState& state, Seen what, unsigned direction) {
  state.seen = static_cast<std::uint8_t>(state.seen | what << 4 * direction);
}

// Whether the sequence number `a` is at or after `b` (RFC 9293, 3.4).
bool at_or_after(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) >= 0; }

// A SYN that a closed end may send: any after the connection's end; while one is still closing, one that does not
// repeat its own (RFC 9293, 3.6.1, allows a new one from TIME-WAIT).
bool opens_another(const TcpState& state, const TcpSequences& sequences, const TcpHeader& header) {
  if ((header.flags & (tcp_flag::syn | tcp_flag::ack | tcp_flag::rst)) != tcp_flag::syn) return false;
  if (state.closed()) return true;
  if (state.phase != TcpPhase::closing) return false;
  const unsigned from = index_of(header.direction);
  return !has(state, syn, from) || sequences.after_syn[from] != header.sequence + 1;
}

void take_syn(TcpState& state, TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  // A second attempt with another number replaces the first, until one is answered. In an open connection a SYN means
  // nothing (RFC 5961, 4).
  if (has(state, syn_acked, from)) return;
  sequences.after_syn[from] = header.sequence + 1;
  note(state, syn, from);
}

void take_fin(TcpState& state, TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  const std::uint32_t syn_length = (header.flags & tcp_flag::syn) != 0 ? 1 : 0;
  sequences.after_fin[from] = header.sequence + syn_length + header.payload_length + 1;
  note(state, fin, from);
  if (state.phase == TcpPhase::closing) return;
  state.phase = TcpPhase::closing;
  sequences.has_acked = {};
}

// Acknowledgements of SYNs, and the end of the handshake. Returns whether this is it.
bool take_opening_ack(TcpState& state, const TcpSequences& sequences, const TcpHeader& header) {
  const unsigned other = 1 - index_of(header.direction);
  if ((header.flags & tcp_flag::ack) != 0 && has(state, syn, other) && !has(state, syn_acked, other) &&
      at_or_after(header.acknowledgement, sequences.after_syn[other])) {
    note(state, syn_acked, other);
  }
  if (has_both(state, syn) && has_both(state, syn_acked)) {
    state.phase = TcpPhase::established;
    return true;
  }
  // Data shows that the ends agree, whatever the tap missed. The rest of the handshake may yet come, out of order.
  if (header.payload_length > 0 && (header.flags & tcp_flag::syn) == 0) state.phase = TcpPhase::partial;
  return false;
}

// A FIN may be captured after its acknowledgement, so the highest one is kept and compared by either packet.
bool take_closing_ack(TcpState& state, TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  if ((header.flags & tcp_flag::ack) != 0 &&
      (!sequences.has_acked[from] || at_or_after(header.acknowledgement, sequences.acked[from]))) {
    sequences.acked[from] = header.acknowledgement;
    sequences.has_acked[from] = true;
  }
  for (const unsigned sender : {0U, 1U}) {
    const unsigned receiver = 1 - sender;
    if (has(state, fin, sender) && sequences.has_acked[receiver] &&
        at_or_after(sequences.acked[receiver], sequences.after_fin[sender])) {
      note(state, fin_acked, sender);
    }
  }
  if (!has_both(state, fin) || !has_both(state, fin_acked)) return false;
  state.phase = TcpPhase::closed_fin;
  return true;
}

// The first packet decides whether the opening will be known.
void begin(TcpState& state, const TcpHeader& header, TcpChange& change) {
  const bool opening = (header.flags & tcp_flag::syn) != 0;
  state.phase = opening ? TcpPhase::opening : TcpPhase::partial;
  change.midstream = !opening || (header.flags & tcp_flag::ack) != 0;
}

}  // namespace

TcpChange advance(TcpState& state, TcpSequences& sequences, const TcpHeader& header) noexcept {
  TcpChange change;
  if (state.phase == TcpPhase::none) begin(state, header, change);
  if (opens_another(state, sequences, header)) {
    change.reopened = true;
    return change;
  }
  if (state.closed()) return change;
  // Any RST ends it: one that its receiver would refuse cannot be told here without following both windows.
  if ((header.flags & tcp_flag::rst) != 0) {
    state.phase = TcpPhase::closed_rst;
    change.closed = TcpClose::rst;
    return change;
  }
  if (state.phase == TcpPhase::opening || state.phase == TcpPhase::partial) {
    if ((header.flags & tcp_flag::syn) != 0) take_syn(state, sequences, header);
    change.handshake_completed = take_opening_ack(state, sequences, header);
  }
  if ((header.flags & tcp_flag::fin) != 0) take_fin(state, sequences, header);
  if (state.phase == TcpPhase::closing && take_closing_ack(state, sequences, header)) change.closed = TcpClose::fin;
  return change;
}

}  // namespace iris::conn
