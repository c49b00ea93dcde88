#include "daemon/conn/hold_pool.hpp"

#include <cassert>
#include <cstring>

namespace iris::conn {
namespace {}  // namespace

HoldPool::HoldPool(const ReassemblyLimits& limits, source::PacketHolder& holder, bool prefault)
    : holder_(holder), limits_(limits) {
  const std::uint32_t chunks = limits.copied_bytes / chunk_bytes;
  const std::size_t bytes = std::size_t{chunks} * chunk_bytes;
  chunks_ = std::make_unique_for_overwrite<std::uint8_t[]>(bytes);
  if (prefault) std::memset(chunks_.get(), 0, bytes);
  chunk_shares_.resize(chunks);
  free_chunks_.reserve(chunks);
  for (std::uint32_t i = chunks; i > 0; --i) free_chunks_.push_back(i - 1);

  free_nodes_ = limits.held_packets + chunks;
  nodes_.resize(free_nodes_);
  for (std::uint32_t i = free_nodes_; i > 0; --i) {
    nodes_[i - 1].next = free_;
    free_ = i - 1;
  }
}

MemoryUse HoldPool::use() const noexcept {
  return {counters_.copied_bytes.load(), chunk_shares_.size() * std::uint64_t{chunk_bytes}, refused_.load()};
}

HoldPool::Room HoldPool::room(const HoldUse& use, Need need) noexcept {
  if (use.packets >= limits_.packets || need.nodes > limits_.packets - use.packets) return Room::no_packets;
  if (use.bytes > limits_.bytes || need.bytes > limits_.bytes - use.bytes) return Room::no_bytes;
  const Room found = room_of_worker(need);
  if (found == Room::no_pool) refused_.add(1);
  return found;
}

HoldPool::Room HoldPool::room_of_worker(Need need) const noexcept {
  if (need.nodes > free_nodes_ || pressure_ == source::Pressure::critical) return Room::no_pool;
  const bool may_hold = pressure_ == source::Pressure::none && counters_.held_packets.load() < limits_.held_packets;
  if (may_hold || need.bytes == 0) return Room::hold;
  return free_chunks_.empty() ? Room::no_pool : Room::copy;
}

std::uint32_t HoldPool::take(const L4Pdu& pdu, Room room, const source::PacketRef& packet) noexcept {
  const std::uint32_t index = take_node();
  Node& node = nodes_[index];
  node = {pdu, 0, no_index, no_index, {}};
  if (room == Room::hold) {
    node.packet = packet;
    holder_.hold(packet);
    counters_.held_packets.add(1);
    return index;
  }
  assert(room == Room::copy && pdu.payload.size() <= chunk_bytes);
  node.chunk = free_chunks_.back();
  free_chunks_.pop_back();
  chunk_shares_[node.chunk] = 1;
  std::uint8_t* const copy = chunks_.get() + std::size_t{node.chunk} * chunk_bytes;
  std::memcpy(copy, pdu.payload.data(), pdu.payload.size());
  node.pdu.payload = {copy, pdu.payload.size()};
  counters_.copied_bytes.add(chunk_bytes);
  return index;
}

std::uint32_t HoldPool::take_cut(const L4Pdu& pdu, std::uint32_t cut) noexcept {
  const std::uint32_t index = take_node();
  nodes_[index] = {pdu, cut, no_index, no_index, {}};
  return index;
}

std::uint32_t HoldPool::share(std::uint32_t index, const L4Pdu& part, std::uint32_t cut) noexcept {
  if (part.payload.empty()) return take_cut(part, cut);
  const std::uint32_t chunk = nodes_[index].chunk;
  if (chunk == no_index) return take(part, Room::hold, nodes_[index].packet);
  const std::uint32_t shared = take_node();
  nodes_[shared] = {part, 0, no_index, chunk, {}};
  ++chunk_shares_[chunk];
  return shared;
}

void HoldPool::free(std::uint32_t index) noexcept {
  Node& node = nodes_[index];
  if (node.chunk != no_index) {
    if (--chunk_shares_[node.chunk] == 0) {
      free_chunks_.push_back(node.chunk);
      counters_.copied_bytes.subtract(chunk_bytes);
    }
  } else if (!node.pdu.payload.empty()) {
    holder_.release({&node.packet, 1});
    counters_.held_packets.subtract(1);
  }
  node.next = free_;
  free_ = index;
  ++free_nodes_;
}

std::uint32_t HoldPool::take_node() noexcept {
  assert(free_nodes_ > 0);
  const std::uint32_t index = free_;
  free_ = nodes_[index].next;
  --free_nodes_;
  return index;
}

void HoldPool::count_gap(GapReason reason) noexcept { counters_.gaps[static_cast<std::size_t>(reason)].add(1); }
void HoldPool::count_dropped() noexcept { counters_.dropped_segments.add(1); }

}  // namespace iris::conn
