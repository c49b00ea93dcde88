// What a Reassembler holds: a list of disjoint parts of segments, ascending, each either captured or cut off.
#include "daemon/conn/reassembly.hpp"
#include "daemon/conn/reassembly_range.hpp"

namespace iris::conn {
namespace {

std::uint32_t differing(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i] ? 1 : 0;
  return count;
}

}  // namespace

// Holds the parts of `range` that are not held already, and takes them off it. When there was no room for one: why.
std::optional<GapReason> Reassembler::insert(Delivery& delivery, Range& range,
                                             const source::PacketRef& packet) noexcept {
  HoldPool& pool = delivery.hold.pool;
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
    std::uint32_t length = range.captured() > 0 ? range.captured() : range.cut;
    if (at != no_index) {
      const Range held = delivery.held(at);
      if (!precedes(range.begin(), held.begin())) {
        range = range.from(held.end());
        continue;
      }
      length = std::min(length, held.begin() - range.begin());
    }
    const HoldPool::Room room = pool.room(delivery.hold.use, {.bytes = range.captured() > 0 ? length : 0});
    if (room == HoldPool::Room::no_packets) return GapReason::packets;
    if (room == HoldPool::Room::no_bytes) return GapReason::bytes;
    if (room == HoldPool::Room::no_pool) return GapReason::pool;
    if (room == HoldPool::Room::copy) length = std::min(length, HoldPool::chunk_bytes);
    wait_from(delivery.now);
    const Range part = range.prefix(length);
    const std::uint32_t index = part.cut > 0 ? pool.take_cut(part.pdu, part.cut) : pool.take(part.pdu, room, packet);
    link_after(delivery.hold, previous, index);
    previous = index;
    range = range.suffix(length);
  }
  return std::nullopt;
}

// Compares `range` with what is held of the same bytes, and lets those parts of it replace this that count. Whatever is
// held afterwards counts.
void Reassembler::settle_overlaps(Delivery& delivery, const Range& range, const source::PacketRef& packet) noexcept {
  if (!precedes(range.begin(), delivery.held(last_).end())) return;
  Range rest = range.prefix(range.captured());
  std::uint32_t previous = no_index;
  std::uint32_t at = first_;
  while (at != no_index) {
    const Range held = delivery.held(at);
    rest = rest.from(held.begin());
    if (rest.length() == 0) return;
    if (precedes(rest.begin(), held.end())) {
      Range fresh = rest.before(held.end());
      const std::uint32_t placed = settle(delivery, {previous, at}, fresh, packet);
      rest = rest.from(fresh.end());
      if (placed == no_index) continue;
      at = placed;
    }
    previous = at;
    at = delivery.node(at).next;
  }
}

// Room to replace a part of `held`, which makes up to three parts of one.
HoldPool::Room Reassembler::room_for(HoldContext hold, const Range& held, const Range& fresh) const noexcept {
  HoldUse use = hold.use;
  --use.packets;
  if (held.cut == 0) use.bytes -= fresh.captured();
  const bool left = fresh.begin() != held.begin();
  const bool right = fresh.end() != held.end() || fresh.captured() > HoldPool::chunk_bytes;
  return hold.pool.room(use, {.bytes = fresh.captured(), .nodes = 1U + (left ? 1 : 0) + (right ? 1 : 0)});
}

// `fresh` lies within what `place` holds. Where it counts instead, puts it there, and returns its node. When it would
// have to be copied it may become shorter.
std::uint32_t Reassembler::settle(Delivery& delivery, Place place, Range& fresh,
                                  const source::PacketRef& packet) noexcept {
  HoldPool& pool = delivery.hold.pool;
  const Range held = delivery.held(place.at);
  const bool last_counts = pool.limits().overlap == Overlap::last;
  HoldPool::Room room = HoldPool::Room::no_pool;
  if (held.cut > 0 || last_counts) {
    room = room_for(delivery.hold, held, fresh);
    if (room == HoldPool::Room::copy) fresh = fresh.prefix(std::min(fresh.captured(), HoldPool::chunk_bytes));
  }
  const bool has_room = room == HoldPool::Room::hold || room == HoldPool::Room::copy;
  if (held.cut == 0) {
    const std::uint32_t lies =
        differing(held.pdu.payload.subspan(fresh.begin() - held.begin(), fresh.captured()), fresh.pdu.payload);
    if (lies == 0) return no_index;
    inconsistent_ += lies;
    if (!last_counts || !has_room) {
      std::uint32_t& known = delivery.node(place.at).pdu.inconsistent;
      known = std::min(known + lies, held.captured());
      return no_index;
    }
    fresh.pdu.inconsistent = lies;
  }
  if (!has_room) return no_index;
  const std::uint32_t index = pool.take(fresh.pdu, room, packet);
  replace(delivery, place, index);
  return index;
}

// Puts the node `index`, whose bytes lie within those of `place`, where they belong; what `place` holds before and
// after them stays.
void Reassembler::replace(Delivery& delivery, Place place, std::uint32_t index) noexcept {
  const Range held = delivery.held(place.at);
  const Range fresh = delivery.held(index);
  const auto part = [&held](Range range) {
    range.pdu.inconsistent = std::min(held.pdu.inconsistent, range.captured());
    return range;
  };
  std::uint32_t previous = place.previous;
  unlink_after(delivery.hold, previous);
  if (const Range left = part(held.before(fresh.begin())); left.length() > 0) {
    const std::uint32_t shared = delivery.hold.pool.share(place.at, left.pdu, left.cut);
    link_after(delivery.hold, previous, shared);
    previous = shared;
  }
  link_after(delivery.hold, previous, index);
  const Range right = part(held.from(fresh.end()));
  if (right.length() > 0) {
    link_after(delivery.hold, index, delivery.hold.pool.share(place.at, right.pdu, right.cut));
  }
  delivery.hold.pool.free(place.at);
}

void Reassembler::release(HoldContext hold) noexcept {
  while (holding()) {
    const std::uint32_t index = first_;
    unlink_after(hold, no_index);
    hold.pool.free(index);
  }
  if (aside_ != no_index) free_aside(hold);
  const std::uint32_t inconsistent = inconsistent_;
  *this = Reassembler{};
  inconsistent_ = inconsistent;
}

// Something that arrived at `ts` is going to wait.
void Reassembler::wait_from(Timestamp ts) noexcept {
  if (!waiting() || ts < since_) since_ = ts;
}

// Arrival of the earliest of what waits, a segment that is put aside left out; there is something.
Timestamp Reassembler::earliest(const Delivery& delivery) const noexcept {
  Timestamp earliest = awaits_fin() ? fin_since_ : delivery.node(first_).pdu.ts;
  for (std::uint32_t at = first_; at != no_index; at = delivery.node(at).next) {
    earliest = std::min(earliest, delivery.node(at).pdu.ts);
  }
  return earliest;
}

// `previous`: no_index for the front.
void Reassembler::link_after(HoldContext hold, std::uint32_t previous, std::uint32_t index) noexcept {
  HoldPool::Node& node = hold.pool.nodes_[index];
  std::uint32_t& link = previous == no_index ? first_ : hold.pool.nodes_[previous].next;
  node.next = link;
  link = index;
  if (node.next == no_index) last_ = index;
  ++hold.use.packets;
  hold.use.bytes += static_cast<std::uint32_t>(node.pdu.payload.size());
}

void Reassembler::unlink_after(HoldContext hold, std::uint32_t previous) noexcept {
  std::uint32_t& link = previous == no_index ? first_ : hold.pool.nodes_[previous].next;
  const HoldPool::Node& node = hold.pool.nodes_[link];
  if (node.next == no_index) last_ = previous;
  link = node.next;
  --hold.use.packets;
  hold.use.bytes -= static_cast<std::uint32_t>(node.pdu.payload.size());
}

}  // namespace iris::conn
