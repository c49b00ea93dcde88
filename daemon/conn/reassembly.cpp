// Where a stream begins, goes on and ends, and what is delivered. hold.cpp is about what is held.
#include "daemon/conn/reassembly.hpp"

#include "daemon/conn/reassembly_range.hpp"

namespace iris::conn {
namespace {

constexpr std::uint32_t largest_window = 1U << 30;  // RFC 7323, 2.3

// How far after the latest byte seen the next one may lie. More cannot be in flight unseen, or the tap lost it; then
// waiting is vain, whereas a wrong sequence number taken for the stream's would lose all that is sent up to it.
constexpr std::uint32_t reach = 1U << 24;

// How far after a stray segment another one confirms it.
constexpr std::uint32_t far_reach = 1U << 26;

}  // namespace

void Reassembler::push_any(HoldContext hold, const TcpSegment& segment, Visitor visitor) noexcept {
  if ((segment.pdu.flags & tcp_flag::rst) != 0) return;
  const bool fin = (segment.pdu.flags & tcp_flag::fin) != 0;
  Range range{segment.pdu, segment.cut};
  if ((segment.pdu.flags & tcp_flag::syn) != 0) ++range.pdu.sequence;
  Delivery delivery{hold, visitor, segment.pdu.ts};
  if (is_keep_alive(delivery, range)) {
    if (!started()) begin(delivery, range.suffix(range.length()));
    return;
  }
  begin(delivery, range);
  if ((range.length() == 0 && !fin) || is_stray(delivery, range, segment.packet)) return;
  if (fin) note_fin(delivery, range.end());
  accept(delivery, range, segment.packet);
  finish(delivery, segment.pdu);
}

void Reassembler::expire_any(HoldContext hold, Timestamp now, Visitor visitor) noexcept {
  Delivery delivery{hold, visitor, now};
  drop_aside(delivery);
  Timestamp due = now;
  while (delivery.wanted && is_due(hold.pool, now)) {
    due = since_ + hold.pool.limits().gap_after;
    skip(delivery, holding() ? delivery.held(first_).begin() : fin_, GapReason::time);
    drain(delivery);
    if (waiting()) since_ = earliest(delivery);
  }
  finish(delivery, headless(due));
}

void Reassembler::flush_any(HoldContext hold, Timestamp now, Visitor visitor) noexcept {
  Delivery delivery{hold, visitor, now};
  drop_aside(delivery);
  skip_to_held(delivery, GapReason::end);
  if (delivery.wanted && waiting()) skip(delivery, fin_, GapReason::end);
  finish(delivery, headless(now));
}

// A piece of this direction that no packet brought.
L4Pdu Reassembler::headless(Timestamp now) const noexcept {
  L4Pdu pdu;
  pdu.ts = now;
  pdu.direction = (state_ & responder) != 0 ? Direction::FromResponder : Direction::FromOriginator;
  return pdu;
}

// The first segment is where it begins. As long as nothing was delivered, better evidence moves that.
void Reassembler::begin(const Delivery& delivery, const Range& range) noexcept {
  const std::uint8_t from = range.pdu.direction == Direction::FromResponder ? responder : std::uint8_t{0};
  const bool syn = (range.pdu.flags & tcp_flag::syn) != 0;
  if (!started()) {
    next_ = range.begin();
    state_ = static_cast<std::uint8_t>(begun | from | (syn ? 0 : guessed));
    return;
  }
  if ((state_ & delivered) != 0 || !is_better_beginning(delivery, range)) return;
  next_ = range.begin();
  state_ = static_cast<std::uint8_t>((state_ & (begun | far_known | responder)) | (syn ? 0 : guessed) |
                                     (knows_fin_near(next_) ? fin_known : 0));
  end_at_fin();
}

// Nothing was delivered yet. A SYN is, unless it comes after bytes that are held. Without one, earlier bytes are; or
// bytes right after a segment without any, which was a keep-alive; or those far away from it.
bool Reassembler::is_better_beginning(const Delivery& delivery, const Range& range) const noexcept {
  if ((range.pdu.flags & tcp_flag::syn) != 0) {
    return !holding() || delivery.held(first_).begin() - range.begin() <= reach;
  }
  const bool fin = (range.pdu.flags & tcp_flag::fin) != 0;
  if ((state_ & guessed) == 0 || (range.length() == 0 && !fin)) return false;
  const std::uint32_t behind = next_ - range.begin();
  const std::uint32_t ahead = range.begin() - next_;
  if (behind <= reach) return behind > 0;
  return (ahead == 1 || ahead > reach) && !waiting() && (state_ & fin_known) == 0;
}

bool Reassembler::knows_fin_near(std::uint32_t sequence) const noexcept {
  return (state_ & fin_known) != 0 && fin_ - sequence <= reach;
}

void Reassembler::end_at_fin() noexcept {
  if ((state_ & (fin_known | ended)) != fin_known || next_ != fin_) return;
  ++next_;
  state_ |= ended;
}

bool Reassembler::is_keep_alive(const Delivery& delivery, const Range& range) const noexcept {
  if (range.length() != 1 || (range.pdu.flags & (tcp_flag::syn | tcp_flag::fin)) != 0) return false;
  if (!started()) return (range.pdu.flags & tcp_flag::psh) == 0;
  return range.end() == next_ || (holding() && range.end() == delivery.held(last_).end());
}

// Returns whether the segment is none of the stream, as far as can be told yet.
bool Reassembler::is_stray(Delivery& delivery, const Range& range, const source::PacketRef& packet) noexcept {
  const std::uint32_t furthest = holding() ? delivery.held(last_).end() : next_;
  const bool repeats = next_ - range.begin() <= largest_window;
  const bool follows = range.begin() - next_ <= std::min(furthest - next_ + reach, largest_window);
  if (repeats || follows) {
    drop_aside(delivery);
    state_ &= static_cast<std::uint8_t>(~far_known);
    return false;
  }
  if ((state_ & ended) != 0) {
    delivery.hold.pool.count_dropped();
    return true;
  }
  if ((state_ & far_known) != 0 && range.begin() - far_ < far_reach) {
    jump(delivery, range.begin());
    return false;
  }
  put_aside(delivery, range, packet);
  return true;
}

// Keeps a segment, as much of it as fits a node, until the next shows what it was.
void Reassembler::put_aside(Delivery& delivery, const Range& range, const source::PacketRef& packet) noexcept {
  drop_aside(delivery);
  far_ = range.end();
  state_ |= far_known;
  HoldPool& pool = delivery.hold.pool;
  HoldUse& use = delivery.hold.use;
  const HoldPool::Room room = pool.room(use, {.bytes = range.captured()});
  if (range.captured() == 0 || (room != HoldPool::Room::hold && room != HoldPool::Room::copy)) {
    pool.count_dropped();
    return;
  }
  wait_from(delivery.now);
  const Range kept =
      range.prefix(room == HoldPool::Room::copy ? std::min(range.captured(), HoldPool::chunk_bytes) : range.captured());
  aside_ = pool.take(kept.pdu, room, packet);
  ++use.packets;
  use.bytes += kept.captured();
}

void Reassembler::drop_aside(Delivery& delivery) noexcept {
  if (aside_ == no_index) return;
  delivery.hold.pool.count_dropped();
  free_aside(delivery.hold);
}

void Reassembler::free_aside(HoldContext hold) noexcept {
  --hold.use.packets;
  hold.use.bytes -= static_cast<std::uint32_t>(hold.pool.nodes_[aside_].pdu.payload.size());
  hold.pool.free(aside_);
  aside_ = no_index;
}

// The stream goes on with what was put aside, and then at `to`.
void Reassembler::jump(Delivery& delivery, std::uint32_t to) noexcept {
  skip_to_held(delivery, GapReason::jump);
  state_ = static_cast<std::uint8_t>((state_ & (guessed | responder)) | begun | delivered);
  if (delivery.wanted && aside_ != no_index) {
    skip(delivery, delivery.held(aside_).begin(), GapReason::jump);
    deliver(delivery, delivery.held(aside_));
  } else if (delivery.wanted) {
    skip(delivery, to, GapReason::jump);
  }
  if (aside_ != no_index) free_aside(delivery.hold);
  delivery.drained = true;
}

// A FIN before bytes that were sent is none; of two, the first counts.
void Reassembler::note_fin(const Delivery& delivery, std::uint32_t sequence) noexcept {
  if ((state_ & fin_known) != 0 || precedes(sequence, next_)) return;
  if (holding() && precedes(sequence, delivery.held(last_).end())) return;
  wait_from(delivery.now);
  fin_ = sequence;
  fin_since_ = delivery.now;
  state_ |= fin_known;
}

// Delivers what of `range` is in sequence, between what is held, and holds the rest.
void Reassembler::accept(Delivery& delivery, Range range, const source::PacketRef& packet) noexcept {
  if ((state_ & fin_known) != 0 && precedes(fin_, range.end())) {
    range = range.prefix(precedes(range.begin(), fin_) ? fin_ - range.begin() : 0);
    if (range.length() == 0) delivery.hold.pool.count_dropped();
  }
  range = range.from(next_);
  if (holding()) settle_overlaps(delivery, range, packet);
  while (delivery.wanted) {
    drain(delivery);
    range = range.from(next_);
    if (range.length() == 0) return;
    if (range.begin() != next_) {
      const std::optional<GapReason> full = insert(delivery, range, packet);
      if (!full) return;
      // No room: what is missing before the earliest bytes that we have is given up.
      const bool held_first = holding() && precedes(delivery.held(first_).begin(), range.begin());
      skip(delivery, held_first ? delivery.held(first_).begin() : range.begin(), *full);
      continue;
    }
    const std::uint32_t free_length = holding() ? delivery.held(first_).begin() - next_ : range.length();
    const std::uint32_t length = std::min(range.length(), free_length);
    deliver(delivery, range.prefix(length));
    range = range.suffix(length);
  }
}

void Reassembler::drain(Delivery& delivery) noexcept {
  while (delivery.wanted && holding() && delivery.held(first_).begin() == next_) {
    const std::uint32_t index = first_;
    unlink_after(delivery.hold, no_index);
    deliver(delivery, delivery.held(index));
    delivery.hold.pool.free(index);
    delivery.drained = true;
  }
}

void Reassembler::skip(Delivery& delivery, std::uint32_t to, GapReason reason) noexcept {
  delivery.gap += to - next_;
  next_ = to;
  state_ |= delivered;
  delivery.hold.pool.count_gap(reason);
}

void Reassembler::skip_to_held(Delivery& delivery, GapReason reason) noexcept {
  while (delivery.wanted && holding()) {
    skip(delivery, delivery.held(first_).begin(), reason);
    drain(delivery);
  }
}

// `range` begins at next_.
void Reassembler::deliver(Delivery& delivery, const Range& range) noexcept {
  next_ += range.length();
  state_ |= delivered;
  if (range.captured() > 0) {
    L4Pdu piece = range.pdu;
    piece.gap = delivery.gap;
    delivery.gap = 0;
    delivery.wanted = delivery.visitor(piece);
  }
  if (range.cut == 0) return;
  delivery.gap += range.cut;
  delivery.hold.pool.count_gap(GapReason::cut);
}

// The end of each call: delivers a gap that no bytes follow, and applies what the visitor said.
void Reassembler::finish(Delivery& delivery, const L4Pdu& latest) noexcept {
  if (delivery.wanted && delivery.gap > 0) {
    L4Pdu piece = latest;
    piece.payload = {};
    piece.sequence = next_;
    piece.gap = delivery.gap;
    delivery.wanted = delivery.visitor(piece);
  }
  end_at_fin();
  if (!delivery.wanted) {
    release(delivery.hold);
  } else if (delivery.drained && waiting()) {
    since_ = earliest(delivery);
  }
}

}  // namespace iris::conn
