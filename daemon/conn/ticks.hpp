// A connection's clock: ticks of about a millisecond, 32 bits wide where they are kept by the million.
#pragma once

#include <cstdint>
#include <limits>

#include <iris/time.hpp>

namespace iris::conn {

// 2^20 ns since the worker's base, modulo 2^32 (52 days). Two ticks can be compared when they lie less than 26 days
// apart.
using Tick = std::uint32_t;

inline constexpr unsigned tick_shift = 20;

// Whether `a` is before `b`.
[[nodiscard]] constexpr bool before(Tick a, Tick b) { return static_cast<std::int32_t>(a - b) < 0; }

// Ticks that are at least as long as `span`; a span that is not positive has none. At most 2^31 - 1, so that deadlines
// remain comparable.
[[nodiscard]] constexpr Tick to_ticks(Duration span) {
  if (span.nanoseconds <= 0) return 0;
  constexpr std::uint64_t longest = std::numeric_limits<std::int32_t>::max();
  const std::uint64_t ticks = (static_cast<std::uint64_t>(span.nanoseconds) + (1U << tick_shift) - 1) >> tick_shift;
  return static_cast<Tick>(ticks < longest ? ticks : longest);
}

// Capture time as ticks since `base`, the worker's first timestamp. Times before the base count as the base.
class Clock {
 public:
  explicit constexpr Clock(Timestamp base) : base_(base) {}

  // Not reduced to 32 bits: what TimerWheel::advance takes. A Tick is its lower half.
  [[nodiscard]] constexpr std::uint64_t ticks_at(Timestamp time) const {
    return time <= base_ ? 0 : (time.nanoseconds - base_.nanoseconds) >> tick_shift;
  }
  [[nodiscard]] constexpr Timestamp time_at(std::uint64_t ticks) const {
    return {base_.nanoseconds + (ticks << tick_shift)};
  }

 private:
  Timestamp base_;
};

}  // namespace iris::conn
