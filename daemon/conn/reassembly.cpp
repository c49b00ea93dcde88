#include "daemon/conn/reassembly.hpp"

#include <algorithm>

namespace iris::conn {
namespace {

constexpr std::int32_t largest_window = 1 << 30;  // RFC 7323, 2.3

// Whether the sequence number `a` is before `b` (RFC 9293, 3.4).
bool precedes(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

}  // namespace

HoldPool::HoldPool(std::uint32_t capacity, HoldLimits limits, source::PacketHolder& holder)
    : holder_(holder), limits_(limits), nodes_(capacity) {
  for (std::uint32_t i = capacity; i > 0; --i) {
    nodes_[i - 1].next = free_;
    free_ = i - 1;
  }
}

bool HoldPool::has_room(const HoldUse& use, std::uint32_t bytes) const noexcept {
  return free_ != no_index && use.packets < limits_.packets && use.bytes <= limits_.bytes &&
         bytes <= limits_.bytes - use.bytes;
}

std::uint32_t HoldPool::take(const L4Pdu& pdu, std::uint32_t cut, const source::PacketRef& packet) noexcept {
  const std::uint32_t index = free_;
  free_ = nodes_[index].next;
  nodes_[index] = {pdu, cut, no_index, packet};
  holder_.hold(packet);
  ++held_;
  return index;
}

void HoldPool::free(std::uint32_t index) noexcept {
  Node& node = nodes_[index];
  holder_.release({&node.packet, 1});
  node.next = free_;
  free_ = index;
  --held_;
}

// Bytes [sequence, sequence + length) of a segment: first those that the capture has, then those that it cut off.
struct Reassembler::Range {
  L4Pdu pdu;
  std::uint32_t cut = 0;

  [[nodiscard]] std::uint32_t begin() const { return pdu.sequence; }
  [[nodiscard]] std::uint32_t length() const { return static_cast<std::uint32_t>(pdu.payload.size()) + cut; }
  [[nodiscard]] std::uint32_t end() const { return begin() + length(); }

  // `bytes` <= length().
  [[nodiscard]] Range prefix(std::uint32_t bytes) const {
    const std::size_t captured = std::min<std::size_t>(bytes, pdu.payload.size());
    Range range{pdu, bytes - static_cast<std::uint32_t>(captured)};
    range.pdu.payload = pdu.payload.first(captured);
    return range;
  }
  void drop_front(std::uint32_t bytes) {
    const std::size_t captured = std::min<std::size_t>(bytes, pdu.payload.size());
    pdu.payload = pdu.payload.subspan(captured);
    pdu.sequence += bytes;
    cut -= bytes - static_cast<std::uint32_t>(captured);
  }
};

struct Reassembler::Delivery {
  HoldContext hold;
  Visitor visitor;
  std::uint32_t gap = 0;  // skipped and not yet yielded
  bool wanted = true;

  [[nodiscard]] HoldPool::Node& node(std::uint32_t index) const { return hold.pool.nodes_[index]; }
  [[nodiscard]] Range held(std::uint32_t index) const { return {node(index).pdu, node(index).cut}; }
};

void Reassembler::push_any(HoldContext hold, const TcpSegment& segment, Visitor visitor) noexcept {
  const std::uint8_t flags = segment.pdu.flags;
  if ((flags & tcp_flag::rst) != 0) return;
  const bool syn = (flags & tcp_flag::syn) != 0;
  const bool fin = (flags & tcp_flag::fin) != 0;
  Range range{segment.pdu, segment.cut};
  if (syn) ++range.pdu.sequence;
  if (!started() || (syn && (state_ & delivered) == 0 && !holding())) {
    next_ = range.begin();
    state_ = begun;
  }
  if (range.length() == 0 && !fin) return;

  Delivery delivery{hold, visitor};
  if (is_stray(delivery, range)) return;
  if (fin) note_fin(delivery, range.end());
  accept(delivery, range, segment.packet);
  finish(delivery, segment.pdu);
}

void Reassembler::flush_any(HoldContext hold, Visitor visitor) noexcept {
  Delivery delivery{hold, visitor};
  skip_held(delivery);
  if ((state_ & (fin_known | ended)) == fin_known) skip(delivery, fin_);
  finish(delivery, L4Pdu{});
}

void Reassembler::release(HoldContext hold) noexcept {
  while (holding()) {
    const std::uint32_t index = unlink_first(hold);
    hold.pool.free(index);
  }
  *this = Reassembler{};
}

// A segment that no window allows is stray, or so much was missed that everything is far away from now on. Then the
// next one continues it.
bool Reassembler::is_stray(Delivery& delivery, const Range& range) noexcept {
  const auto distance = static_cast<std::int32_t>(range.begin() - next_);
  if (distance >= -largest_window && distance <= largest_window) {
    state_ &= static_cast<std::uint8_t>(~far_known);
    return false;
  }
  if ((state_ & far_known) == 0 || far_ != range.begin()) {
    far_ = range.end();
    state_ |= far_known;
    return true;
  }
  skip_held(delivery);
  skip(delivery, range.begin());
  state_ = begun | delivered;
  return false;
}

// A FIN before bytes that were sent is none; of two, the first counts.
void Reassembler::note_fin(const Delivery& delivery, std::uint32_t sequence) noexcept {
  if ((state_ & fin_known) != 0 || precedes(sequence, next_)) return;
  if (holding() && precedes(sequence, delivery.held(last_).end())) return;
  fin_ = sequence;
  state_ |= fin_known;
}

// Yields what of `range` is in sequence, between what is held, and holds the rest.
void Reassembler::accept(Delivery& delivery, Range range, const source::PacketRef& packet) noexcept {
  if ((state_ & fin_known) != 0 && precedes(fin_, range.end())) {
    range = range.prefix(precedes(range.begin(), fin_) ? fin_ - range.begin() : 0);
  }
  while (delivery.wanted) {
    drain(delivery);
    if (precedes(range.begin(), next_)) range.drop_front(std::min(next_ - range.begin(), range.length()));
    if (range.length() == 0) return;
    if (range.begin() != next_) {
      if (insert(delivery, range, packet)) return;
      // No room: what is missing before the earliest bytes that we have is given up.
      const bool held_first = holding() && precedes(delivery.held(first_).begin(), range.begin());
      skip(delivery, held_first ? delivery.held(first_).begin() : range.begin());
      continue;
    }
    const std::uint32_t free_length = holding() ? delivery.held(first_).begin() - next_ : range.length();
    const std::uint32_t length = std::min(range.length(), free_length);
    yield(delivery, range.prefix(length));
    range.drop_front(length);
  }
}

// Holds the parts of `range` that are not held already, and takes them off it. False when there was no room for one.
bool Reassembler::insert(Delivery& delivery, Range& range, const source::PacketRef& packet) noexcept {
  std::uint32_t previous = no_index;
  std::uint32_t at = first_;
  // Most early segments come in order among themselves.
  if (holding() && !precedes(range.begin(), delivery.held(last_).end())) {
    previous = last_;
    at = no_index;
  }
  while (range.length() > 0) {
    while (at != no_index && !precedes(range.begin(), delivery.held(at).end())) {
      previous = at;
      at = delivery.node(at).next;
    }
    std::uint32_t length = range.length();
    if (at != no_index) {
      const Range held = delivery.held(at);
      if (!precedes(range.begin(), held.begin())) {
        range.drop_front(std::min(held.end() - range.begin(), length));
        continue;
      }
      length = std::min(length, held.begin() - range.begin());
    }
    const Range part = range.prefix(length);
    if (!delivery.hold.pool.has_room(delivery.hold.use, static_cast<std::uint32_t>(part.pdu.payload.size()))) {
      return false;
    }
    previous = link_after(delivery, previous, delivery.hold.pool.take(part.pdu, part.cut, packet));
    range.drop_front(length);
  }
  return true;
}

void Reassembler::drain(Delivery& delivery) noexcept {
  while (delivery.wanted && holding() && delivery.held(first_).begin() == next_) {
    const std::uint32_t index = unlink_first(delivery.hold);
    yield(delivery, delivery.held(index));
    delivery.hold.pool.free(index);
  }
}

void Reassembler::skip_held(Delivery& delivery) noexcept {
  while (delivery.wanted && holding()) {
    skip(delivery, delivery.held(first_).begin());
    drain(delivery);
  }
}

void Reassembler::skip(Delivery& delivery, std::uint32_t to) noexcept {
  delivery.gap += to - next_;
  next_ = to;
  state_ |= delivered;
}

// `range` begins at next_.
void Reassembler::yield(Delivery& delivery, const Range& range) noexcept {
  next_ += range.length();
  state_ |= delivered;
  if (!range.pdu.payload.empty()) {
    delivery.wanted = delivery.visitor({range.pdu, delivery.gap});
    delivery.gap = 0;
  }
  delivery.gap += range.cut;
}

// The end of each call: yields a gap that no bytes follow, and applies what the visitor said.
void Reassembler::finish(Delivery& delivery, const L4Pdu& latest) noexcept {
  if (delivery.wanted && delivery.gap > 0) {
    Piece piece{latest, delivery.gap};
    piece.pdu.payload = {};
    piece.pdu.sequence = next_;
    delivery.wanted = delivery.visitor(piece);
  }
  if ((state_ & (fin_known | ended)) == fin_known && next_ == fin_) {
    ++next_;
    state_ |= ended;
  }
  if (!delivery.wanted) release(delivery.hold);
}

std::uint32_t Reassembler::link_after(Delivery& delivery, std::uint32_t previous, std::uint32_t index) noexcept {
  HoldPool::Node& node = delivery.node(index);
  std::uint32_t& link = previous == no_index ? first_ : delivery.node(previous).next;
  node.next = link;
  link = index;
  if (node.next == no_index) last_ = index;
  ++delivery.hold.use.packets;
  delivery.hold.use.bytes += static_cast<std::uint32_t>(node.pdu.payload.size());
  return index;
}

std::uint32_t Reassembler::unlink_first(HoldContext hold) noexcept {
  const std::uint32_t index = first_;
  const HoldPool::Node& node = hold.pool.nodes_[index];
  first_ = node.next;
  if (first_ == no_index) last_ = no_index;
  --hold.use.packets;
  hold.use.bytes -= static_cast<std::uint32_t>(node.pdu.payload.size());
  return index;
}

}  // namespace iris::conn
