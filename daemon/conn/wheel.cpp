#include "daemon/conn/wheel.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <string>
#include <utility>

namespace iris::conn {
namespace {

constexpr std::uint32_t largest_capacity = 1U << 30;
constexpr std::uint32_t fewest_slots = 64;  // a word of `occupied`
constexpr std::uint32_t most_slots = 1U << 24;

}  // namespace

Result<TimerWheel> TimerWheel::create(const WheelOptions& options) {
  if (options.capacity == 0 || options.capacity > largest_capacity) {
    return fail(ErrorCode::invalid, "a timer wheel of " + std::to_string(options.capacity) +
                                        " entries is not possible: choose 1 to " + std::to_string(largest_capacity));
  }
  // One more than the horizon, so that an entry as far away as that does not share a slot with the present.
  const std::uint32_t slots = std::bit_ceil(std::clamp(options.horizon, fewest_slots, most_slots - 1) + 1);
  auto nodes = Mapping::create((std::size_t{options.capacity} + slots) * sizeof(Node), false);
  if (!nodes) return std::unexpected(std::move(nodes.error()));
  auto occupied = Mapping::create(slots / 8, false);
  if (!occupied) return std::unexpected(std::move(occupied.error()));
  return TimerWheel(std::move(*nodes), std::move(*occupied), options, slots);
}

TimerWheel::TimerWheel(Mapping nodes, Mapping occupied, const WheelOptions& options, std::uint32_t slots)
    : node_memory_(std::move(nodes)),
      occupied_memory_(std::move(occupied)),
      capacity_(options.capacity),
      mask_(slots - 1),
      position_(options.start) {
  for (std::uint32_t i = 0; i < capacity_ + slots; ++i) this->nodes()[i] = {i, i};
}

void TimerWheel::unlink(std::uint32_t index) noexcept {
  Node& node = nodes()[index];
  nodes()[node.previous].next = node.next;
  nodes()[node.next].previous = node.previous;
  node = {index, index};
  --size_;
}

void TimerWheel::cancel(std::uint32_t index) noexcept {
  assert(index < capacity_);
  if (scheduled(index)) unlink(index);
}

void TimerWheel::schedule(std::uint32_t index, Tick deadline) noexcept {
  assert(index < capacity_);
  cancel(index);
  // Never the present slot: it is being emptied. Never a full turn away, which is the same slot.
  const auto ahead = static_cast<std::int32_t>(deadline - static_cast<Tick>(position_));
  const auto ticks = static_cast<std::uint32_t>(std::clamp(ahead, 1, static_cast<std::int32_t>(mask_)));
  const std::uint32_t slot = slot_of(position_ + ticks);
  const std::uint32_t ring = capacity_ + slot;
  const std::uint32_t last = nodes()[ring].previous;
  nodes()[index] = {ring, last};
  nodes()[last].next = index;
  nodes()[ring].previous = index;
  occupied()[slot / 64] |= std::uint64_t{1} << slot % 64;
  ++size_;
}

std::optional<std::uint32_t> TimerWheel::take() noexcept {
  const std::uint32_t slot = slot_of(position_);
  const std::uint32_t first = nodes()[capacity_ + slot].next;
  if (first == capacity_ + slot) {
    occupied()[slot / 64] &= ~(std::uint64_t{1} << slot % 64);
    return std::nullopt;
  }
  unlink(first);
  __builtin_prefetch(&nodes()[nodes()[capacity_ + slot].next]);
  return first;
}

void TimerWheel::step(std::uint64_t now) noexcept {
  if (size_ == 0) {
    position_ = now;
    return;
  }
  const std::uint64_t next = position_ + 1;
  const std::uint32_t slot = slot_of(next);
  const std::uint64_t later = occupied()[slot / 64] >> slot % 64;
  const std::uint64_t distance = later != 0 ? static_cast<std::uint64_t>(std::countr_zero(later)) : 63 - slot % 64;
  position_ = std::min(next + distance, now);
}

}  // namespace iris::conn
