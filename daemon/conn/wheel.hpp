// Inactivity, noticed late and cheaply: a packet only stores when it came, and the wheel asks a record for its true
// deadline when the one it was scheduled for comes round.
//
// The wheel has one slot a tick and is turned in slices, between bursts. A slot is a list of blocks of record indices,
// so scheduling writes to the end of a block that is in the cache, and what comes due can be fetched ahead; linking the
// records themselves cost four cache misses each time (measured at a million connections: begin and end of a connection
// took twice as long). Entries come due in the order of their ticks, and within a tick in the order in which they were
// scheduled, so the outcome depends on neither the size of the slices nor the jumps of the clock, be they of days.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "daemon/conn/mapping.hpp"
#include "daemon/conn/record.hpp"
#include "daemon/conn/ticks.hpp"
#include "jit/abi/result.hpp"

namespace iris::conn {

struct WheelOptions {
  std::uint32_t capacity = 0;  // entries are numbered from 0 to capacity - 1
  // 64 to 32768, a power of two. A deadline farther away than these ticks is right as well, but asked for once in each
  // such time.
  std::uint32_t slots = 1U << 14;  // 17 seconds
  std::uint64_t start = 0;         // the present
  bool prefault = false;
};

// At most one entry counts for each index: that of the slot which the index's Timer names. Used by one thread.
// Allocates nothing after its creation.
class TimerWheel {
 public:
  // Fails when the numbers are out of range or memory is not to be had.
  [[nodiscard]] static Result<TimerWheel> create(const WheelOptions& options);

  // From now on `index` comes due at `deadline`, or, if it was to come due earlier than that, at that time first.
  // `timer` is the index's own. A deadline that is past or present comes due at the next tick. `deadline` lies less
  // than 2^31 ticks from the wheel's position.
  void schedule(std::uint32_t index, Timer& timer, Tick deadline) noexcept;

  // Turns the wheel up to `now`, in ticks that are not reduced to 32 bits. A clock that went back moves nothing. Of
  // what comes due, `timed` is asked for the deadline; if that is not later than the tick, it does what is to be done
  // and returns nothing. It may schedule any index meanwhile. Stops after about `budget` steps; returns whether it got
  // there. Before a time is stored that lies 2^31 ticks past the wheel's position it has to get there.
  //   Timer& timed.timer(std::uint32_t index)
  //   void timed.prefetch(std::uint32_t index): due() is several steps ahead
  //   void timed.approach(std::uint32_t index): a few; what prefetch() asked for may be there
  //   std::optional<Tick> timed.due(std::uint32_t index, Tick tick)
  template <class Timed>
  bool advance(std::uint64_t now, std::uint64_t budget, Timed&& timed) noexcept;

  // All ticks before it are done with; at it, entries may be left to take.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  // Entries, those that no longer count included.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;

 private:
  static constexpr std::uint32_t block_entries = 15;
  struct alignas(64) Block {
    std::array<std::uint32_t, block_entries> entries;
    std::uint32_t next;
  };
  static_assert(sizeof(Block) == 64);
  struct Slot {
    std::uint32_t first = no_index;
    std::uint32_t last = no_index;
    std::uint32_t in_last = 0;  // entries in the last block
  };

  TimerWheel(Mapping blocks, Mapping slots, Mapping occupied, const WheelOptions& options);

  [[nodiscard]] Block* blocks() const noexcept { return static_cast<Block*>(block_memory_.data()); }
  [[nodiscard]] Slot* slots() const noexcept { return static_cast<Slot*>(slot_memory_.data()); }
  [[nodiscard]] std::uint64_t* occupied() const noexcept {
    return static_cast<std::uint64_t*>(occupied_memory_.data());
  }
  [[nodiscard]] std::uint32_t slot_of(std::uint64_t tick) const noexcept {
    return static_cast<std::uint32_t>(tick) & mask_;
  }
  [[nodiscard]] static Timer name_of(std::uint32_t slot) noexcept { return static_cast<Timer>(slot + 1); }
  void append(std::uint32_t slot, std::uint32_t index) noexcept;
  // The next entry of the present slot, taken out; nullopt when none is left.
  [[nodiscard]] std::optional<std::uint32_t> take() noexcept;
  // The entry `ahead` places after the next one, if it lies in the same block; else the next one.
  [[nodiscard]] std::uint32_t peek(std::uint32_t ahead) const noexcept;
  // Moves on to the next tick with entries, but not beyond `now`, nor by more than 64 ticks.
  void step(std::uint64_t now) noexcept;

  Mapping block_memory_;
  Mapping slot_memory_;
  Mapping occupied_memory_;  // a bit a slot: 0 only where it is empty
  std::uint32_t capacity_;
  std::uint32_t mask_;  // number of slots - 1
  std::uint64_t position_;
  std::uint32_t free_ = no_index;  // blocks, chained by `next`
  std::uint32_t fresh_ = 0;        // blocks never used yet begin here
  std::uint32_t taken_ = 0;        // entries already taken of the present slot's first block
  std::uint32_t size_ = 0;
  std::uint32_t superseded_ = 0;  // entries that no longer count
};

template <class Timed>
bool TimerWheel::advance(std::uint64_t now, std::uint64_t budget, Timed&& timed) noexcept {
  constexpr std::uint32_t far = 8;
  constexpr std::uint32_t near = 3;
  for (; budget > 0; --budget) {
    if (const auto index = take()) {
      Timer& timer = timed.timer(*index);
      if (const std::uint32_t later = peek(far); later != no_index) timed.prefetch(later);
      if (const std::uint32_t soon = peek(near); soon != no_index) timed.approach(soon);
      if (timer != name_of(slot_of(position_))) {
        --superseded_;
        continue;
      }
      timer = 0;
      const std::optional<Tick> deadline = timed.due(*index, static_cast<Tick>(position_));
      if (deadline) schedule(*index, timer, *deadline);
    } else if (position_ >= now) {
      return true;
    } else {
      step(now);
    }
  }
  return false;
}

}  // namespace iris::conn
