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
constexpr std::uint32_t most_slots = 1U << 15;

// For every index one entry that counts and one that does not, and in each slot two blocks that are not full: enough,
// whatever happens.
std::uint64_t blocks_for(const WheelOptions& options, std::uint32_t block_entries) {
  return (std::uint64_t{2} * options.capacity) / block_entries + std::uint64_t{2} * options.slots + 1;
}

}  // namespace

Result<TimerWheel> TimerWheel::create(const WheelOptions& options) {
  if (options.capacity == 0 || options.capacity > largest_capacity) {
    return fail(ErrorCode::invalid, "a timer wheel of " + std::to_string(options.capacity) +
                                        " entries is not possible: choose 1 to " + std::to_string(largest_capacity));
  }
  if (!std::has_single_bit(options.slots) || options.slots < fewest_slots || options.slots > most_slots) {
    return fail(ErrorCode::invalid, "a timer wheel of " + std::to_string(options.slots) +
                                        " slots is not possible: choose a power of two from 64 to 32768");
  }
  auto blocks = Mapping::create(blocks_for(options, block_entries) * sizeof(Block), options.prefault);
  if (!blocks) return std::unexpected(std::move(blocks.error()));
  auto slots = Mapping::create(options.slots * sizeof(Slot), options.prefault);
  if (!slots) return std::unexpected(std::move(slots.error()));
  auto occupied = Mapping::create(options.slots / 8, options.prefault);
  if (!occupied) return std::unexpected(std::move(occupied.error()));
  return TimerWheel(std::move(*blocks), std::move(*slots), std::move(*occupied), options);
}

TimerWheel::TimerWheel(Mapping blocks, Mapping slots, Mapping occupied, const WheelOptions& options)
    : block_memory_(std::move(blocks)),
      slot_memory_(std::move(slots)),
      occupied_memory_(std::move(occupied)),
      capacity_(options.capacity),
      mask_(options.slots - 1),
      position_(options.start) {
  std::fill_n(this->slots(), options.slots, Slot{});
}

std::uint64_t TimerWheel::memory_bytes() const noexcept {
  return blocks_for({.capacity = capacity_, .slots = mask_ + 1}, block_entries) * sizeof(Block) +
         (std::uint64_t{mask_} + 1) * sizeof(Slot);
}

void TimerWheel::schedule(std::uint32_t index, Timer& timer, Tick deadline) noexcept {
  assert(index < capacity_);
  // Never the present slot: it is being emptied. Never a full turn away, which is the same slot.
  const auto ahead = static_cast<std::int32_t>(deadline - static_cast<Tick>(position_));
  const auto ticks = static_cast<std::uint32_t>(std::clamp(ahead, 1, static_cast<std::int32_t>(mask_)));
  if (timer != 0) {
    const std::uint32_t scheduled = slot_of(timer - 1U - static_cast<std::uint32_t>(position_));
    // It comes due before, or moving it would cost more room than there is: then it comes due late, within a turn.
    if (scheduled <= ticks || superseded_ >= capacity_) return;
    ++superseded_;
  }
  const std::uint32_t slot = slot_of(position_ + ticks);
  append(slot, index);
  timer = name_of(slot);
}

void TimerWheel::append(std::uint32_t slot_index, std::uint32_t index) noexcept {
  Slot& slot = slots()[slot_index];
  if (slot.last == no_index || slot.in_last == block_entries) {
    std::uint32_t block = free_;
    if (block != no_index) {
      free_ = blocks()[block].next;
    } else {
      block = fresh_++;
    }
    blocks()[block].next = no_index;
    (slot.last == no_index ? slot.first : blocks()[slot.last].next) = block;
    slot.last = block;
    slot.in_last = 0;
    occupied()[slot_index / 64] |= std::uint64_t{1} << slot_index % 64;
  }
  blocks()[slot.last].entries[slot.in_last++] = index;
  ++size_;
}

std::optional<std::uint32_t> TimerWheel::take() noexcept {
  const std::uint32_t at = slot_of(position_);
  Slot& slot = slots()[at];
  if (slot.first == no_index) {
    occupied()[at / 64] &= ~(std::uint64_t{1} << at % 64);
    return std::nullopt;
  }
  Block& block = blocks()[slot.first];
  const std::uint32_t index = block.entries[taken_++];
  --size_;
  if (taken_ == (slot.first == slot.last ? slot.in_last : block_entries)) {
    const std::uint32_t emptied = slot.first;
    slot.first = block.next;
    if (slot.first == no_index) {
      slot.last = no_index;
    } else {
      __builtin_prefetch(&blocks()[slot.first]);
    }
    block.next = free_;
    free_ = emptied;
    taken_ = 0;
  }
  return index;
}

std::uint32_t TimerWheel::peek(std::uint32_t ahead) const noexcept {
  const Slot& slot = slots()[slot_of(position_)];
  if (slot.first == no_index) return no_index;
  const std::uint32_t count = slot.first == slot.last ? slot.in_last : block_entries;
  return blocks()[slot.first].entries[taken_ + ahead < count ? taken_ + ahead : taken_];
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
