#include "daemon/conn/tcp_state.hpp"

#include <algorithm>
#include <utility>

namespace iris::conn {
namespace tcp {
namespace {

// TcpState::seen: four bits of the originator, then four of the responder.
enum Seen : std::uint8_t { syn = 1, syn_acked = 2, fin = 4, fin_acked = 8 };

// How far what was missed may reach: as much as a window without scaling.
constexpr std::uint32_t tolerance = 65535;
// Taken for the shift of windows whose SYN was not seen: between what Linux (7) and Windows (8) offer today.
constexpr std::uint8_t usual_shift = 8;

constexpr std::uint8_t both(Seen what) { return static_cast<std::uint8_t>(what | what << 4); }
constexpr unsigned index_of(Direction direction) { return static_cast<unsigned>(direction); }
constexpr Direction opposite(Direction direction) {
  return direction == Direction::FromOriginator ? Direction::FromResponder : Direction::FromOriginator;
}
constexpr bool has_flag(const TcpHeader& header, std::uint8_t flag) { return (header.flags & flag) != 0; }
constexpr bool is_answer(const TcpHeader& header) {
  return (header.flags & (tcp_flag::syn | tcp_flag::ack | tcp_flag::rst)) == (tcp_flag::syn | tcp_flag::ack);
}
constexpr bool is_opening(const TcpHeader& header) {
  return (header.flags & (tcp_flag::syn | tcp_flag::ack | tcp_flag::rst)) == tcp_flag::syn;
}

bool has(const TcpState& state, Seen what, unsigned direction) { return (state.seen >> 4 * direction & what) != 0; }
bool has_both(const TcpState& state, Seen what) { return (state.seen & both(what)) == both(what); }
void note(TcpState& state, Seen what, unsigned direction) {
  state.seen = static_cast<std::uint8_t>(state.seen | what << 4 * direction);
}

bool knows(const TcpSequences& sequences, Known what, unsigned direction) {
  return (sequences.known & what << direction) != 0;
}
void learn(TcpSequences& sequences, Known what, unsigned direction) {
  sequences.known = static_cast<std::uint8_t>(sequences.known | what << direction);
}

// Scaling is in use if both SYNs ask for it; one that does not settles it (RFC 7323, 2.2).
void settle_scaling(TcpSequences& sequences) {
  const auto& option = sequences.scale_option;
  const bool refused = option[0] == 1 || option[1] == 1;
  for (const unsigned end : {0U, 1U}) {
    sequences.shift[end] = option[end] > 1 ? static_cast<std::uint8_t>(option[end] - 2) : usual_shift;
    if (refused) sequences.shift[end] = 0;
  }
}

// follow() for when not everything is known yet.
void follow_any(TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  const std::uint32_t end = end_of(header);
  if (!knows(sequences, knows_end, from) || at_or_after(end, sequences.end[from])) sequences.end[from] = end;
  learn(sequences, knows_end, from);
  if (!has_flag(header, tcp_flag::ack)) return;
  if (!knows(sequences, knows_acknowledged, from)) {
    sequences.acknowledged[from] = sequences.edge[from] = header.acknowledgement;
    learn(sequences, knows_acknowledged, from);
  }
  if (has_flag(header, tcp_flag::syn)) {
    // The window of a SYN is not scaled.
    const std::uint8_t shift = std::exchange(sequences.shift[from], std::uint8_t{0});
    take_acknowledgement(sequences, header);
    sequences.shift[from] = shift;
  } else {
    take_acknowledgement(sequences, header);
  }
}

// 2 to 4 of advance().
bool acceptable(const TcpSequences& sequences, unsigned from, std::uint32_t number) {
  const unsigned to = 1 - from;
  if (knows(sequences, knows_acknowledged, to)) {
    const std::uint32_t lowest = sequences.acknowledged[to];
    return number - lowest <= sequences.edge[to] - lowest + tolerance ||
           (knows(sequences, knows_end, from) && number == sequences.end[from]);
  }
  return !knows(sequences, knows_end, from) || number - (sequences.end[from] - tolerance) <= 2 * tolerance;
}

bool reset_counts(const TcpState& state, const TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  const unsigned to = 1 - from;
  const bool acknowledges = has_flag(header, tcp_flag::ack);
  if (acknowledges && knows(sequences, knows_new_syn, to) && header.acknowledgement == sequences.after_new_syn[to]) {
    return true;
  }
  if (has(state, syn, to) && !knows(sequences, knows_acknowledged, to)) {
    // Data may follow a SYN at once (RFC 7413), so any of it may be acknowledged.
    const std::uint32_t first = sequences.after_syn[to];
    if (acknowledges && header.acknowledgement - first <= sequences.end[to] - first) return true;
    if (!knows(sequences, knows_end, from)) return false;
  }
  return acceptable(sequences, from, header.sequence);
}

// The handshake of this very connection, come late: it lies just before what its sender was seen to send first.
bool is_late(const TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  return knows(sequences, knows_end, from) && sequences.end[from] - (header.sequence + 1) <= tolerance;
}

// A SYN that begins another connection if it is answered.
void propose(TcpSequences& sequences, unsigned from, std::uint32_t after) {
  sequences.after_new_syn[from] = after;
  learn(sequences, knows_new_syn, from);
}

bool opens_another(const TcpState& state, TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  const unsigned to = 1 - from;
  const std::uint32_t after = header.sequence + 1;
  if (has(state, syn, from) && sequences.after_syn[from] == after) {
    // Some systems try again with the same number after a refusal.
    if (state.phase == TcpPhase::closed_rst) propose(sequences, from, after);
    return false;
  }
  const bool late = !has(state, syn, from) && is_late(sequences, header);
  if (state.closed() || state.phase == TcpPhase::closing) return !late;
  if (state.phase == TcpPhase::opening && has(state, syn, from) && !knows(sequences, knows_end, to)) return true;
  const bool first = !has(state, syn, from) && (state.phase == TcpPhase::opening || !knows(sequences, knows_end, from));
  if (late || first) return false;
  propose(sequences, from, after);
  return false;
}

// The answer to a SYN that did not open another connection by itself.
bool answers_another(const TcpState& state, const TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  const unsigned to = 1 - from;
  const bool other_number = !has(state, syn, from) || sequences.after_syn[from] != header.sequence + 1;
  if (is_answer(header)) {
    return other_number && knows(sequences, knows_new_syn, to) && header.acknowledgement == sequences.after_new_syn[to];
  }
  return !has_flag(header, tcp_flag::syn | tcp_flag::rst) && has_flag(header, tcp_flag::ack) &&
         knows(sequences, knows_new_syn, from) && !knows(sequences, knows_end, to) &&
         header.sequence == sequences.after_new_syn[from];
}

bool reopens(const TcpState& state, TcpSequences& sequences, const TcpHeader& header) {
  return is_opening(header) ? opens_another(state, sequences, header) : answers_another(state, sequences, header);
}

void take_syn(TcpState& state, TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  const unsigned to = 1 - from;
  const std::uint32_t after = header.sequence + 1;
  const bool repeated = has(state, syn, from) && sequences.after_syn[from] == after;
  // In an open connection another SYN means nothing (RFC 5961, 4).
  if (!repeated &&
      (has(state, syn_acked, from) ||
       (state.phase == TcpPhase::partial && knows(sequences, knows_end, from) && !is_late(sequences, header)))) {
    return;
  }
  sequences.after_syn[from] = after;
  sequences.mss[from] = header.mss;
  sequences.scale_option[from] = header.window_scale == TcpHeader::no_scale
                                     ? 1
                                     : static_cast<std::uint8_t>(std::min<int>(header.window_scale, 14) + 2);
  settle_scaling(sequences);
  note(state, syn, from);
  learn(sequences, knows_syn_itself, from);
  if (!is_answer(header) || has(state, syn, to)) return;
  sequences.after_syn[to] = header.acknowledgement;
  note(state, syn, to);
}

// A FIN that its receiver could accept.
bool believed_fin(const TcpSequences& sequences, const TcpHeader& header) {
  const unsigned from = index_of(header.direction);
  return acceptable(sequences, from, end_of(header)) ||
         (knows(sequences, knows_end, from) && header.sequence == sequences.end[from]);
}

// One that is not believed is remembered where there is no better one: its acknowledgement may yet show that it was
// right, and that the tap missed what came before.
void take_fin(TcpState& state, TcpSequences& sequences, const TcpHeader& header, bool believed) {
  const unsigned from = index_of(header.direction);
  if (has(state, fin_acked, from) || (!believed && has(state, fin, from))) return;
  sequences.after_fin[from] = end_of(header);
  note(state, fin, from);
  if (believed || has_both(state, fin)) state.phase = TcpPhase::closing;
}

// Acknowledgements of SYNs, in whatever order they were captured, and the end of the handshake. Returns whether this is
// it.
bool take_opening_ack(TcpState& state, const TcpSequences& sequences, const TcpHeader& header) {
  for (const unsigned sender : {0U, 1U}) {
    const unsigned receiver = 1 - sender;
    if (has(state, syn, sender) && knows(sequences, knows_acknowledged, receiver) &&
        at_or_after(sequences.acknowledged[receiver], sequences.after_syn[sender])) {
      note(state, syn_acked, sender);
    }
  }
  if (has_both(state, syn) && has_both(state, syn_acked)) {
    state.phase = TcpPhase::established;
    return true;
  }
  // Data shows that the ends agree, whatever the tap missed. The rest of the handshake may yet come, out of order.
  if (header.payload_length > 0 && !has_flag(header, tcp_flag::syn)) state.phase = TcpPhase::partial;
  return false;
}

// A FIN may be captured after its acknowledgement, so either packet may be the one that ends the connection. Nothing
// follows a FIN: an acknowledgement of more is of something else.
bool take_closing_ack(TcpState& state, const TcpSequences& sequences, const TcpHeader& header) {
  for (const unsigned sender : {0U, 1U}) {
    const unsigned receiver = 1 - sender;
    if (!has(state, fin, sender)) continue;
    const std::uint32_t after = sequences.after_fin[sender];
    const bool now =
        index_of(header.direction) == receiver && has_flag(header, tcp_flag::ack) && header.acknowledgement == after;
    if (now || (knows(sequences, knows_acknowledged, receiver) && sequences.acknowledged[receiver] == after)) {
      note(state, fin_acked, sender);
    }
  }
  if (!has_both(state, fin_acked)) return false;
  state.phase = TcpPhase::closed_fin;
  return true;
}

// The first packet decides whether the opening will be known, and who began it.
void begin(TcpState& state, TcpSequences& sequences, TcpHeader& header, TcpChange& change) {
  const bool opening = has_flag(header, tcp_flag::syn);
  state.phase = opening ? TcpPhase::opening : TcpPhase::partial;
  settle_scaling(sequences);
  change.midstream = !opening || has_flag(header, tcp_flag::ack);
  change.turned = is_answer(header);
  if (change.turned) header.direction = opposite(header.direction);
}

}  // namespace

TcpChange advance(TcpState& state, TcpSequences& sequences, TcpHeader header) noexcept {
  TcpChange change;
  if (state.phase == TcpPhase::none) {
    begin(state, sequences, header, change);
  } else if (reopens(state, sequences, header)) {
    change.reopened = true;
    return change;
  }
  if (state.closed()) return change;
  if (has_flag(header, tcp_flag::rst)) {
    if (!reset_counts(state, sequences, header)) {
      change.stray_reset = true;
      return change;
    }
    state.phase = TcpPhase::closed_rst;
    change.closed = TcpClose::rst;
    return change;
  }
  const bool unsettled = state.phase == TcpPhase::opening || state.phase == TcpPhase::partial;
  if (has_flag(header, tcp_flag::syn)) {
    // Elsewhere its numbers are not the connection's.
    if (!unsettled) return change;
    take_syn(state, sequences, header);
    if (sequences.after_syn[index_of(header.direction)] != header.sequence + 1) return change;
  }
  const bool finishes = has_flag(header, tcp_flag::fin);
  const bool believed = !finishes || believed_fin(sequences, header);
  if (believed) follow_any(sequences, header);
  if (unsettled && believed) change.handshake_completed = take_opening_ack(state, sequences, header);
  if (finishes) take_fin(state, sequences, header, believed);
  if (state.phase == TcpPhase::closing && take_closing_ack(state, sequences, header)) change.closed = TcpClose::fin;
  return change;
}

}  // namespace tcp

bool saw_opening(const TcpSequences& sequences) noexcept { return (sequences.known & tcp::knows_syn_itself) != 0; }

std::optional<std::uint8_t> window_shift(const TcpSequences& sequences, Direction sender) noexcept {
  const auto& option = sequences.scale_option;
  if (option[0] == 1 || option[1] == 1) return std::uint8_t{0};
  if (option[0] == 0 || option[1] == 0) return std::nullopt;
  return sequences.shift[static_cast<unsigned>(sender)];
}

std::optional<std::uint32_t> acknowledged_by(const TcpSequences& sequences, Direction sender) noexcept {
  const auto from = static_cast<unsigned>(sender);
  if ((sequences.known & tcp::knows_acknowledged << from) == 0) return std::nullopt;
  return sequences.acknowledged[from];
}

}  // namespace iris::conn
