// A NIC's clock in wall time. Its ticks run at a rate that nobody states, and drift: so the clock is read together with
// the wall clock now and then, and the rate is that of the last interval. No DPDK here.
#pragma once

#include <cstdint>

#include <iris/time.hpp>

namespace iris::source {

class HardwareClock {
 public:
  // Long enough that what reading both clocks costs (about a microsecond) is one part in a million.
  static constexpr Duration interval{1'000'000'000};

  // Time for another reading.
  [[nodiscard]] bool due(Timestamp wall) const noexcept { return samples_ == 0 || wall - last_wall_ >= interval; }

  // What both clocks showed at the same moment. A clock that was set back starts anew.
  void sample(std::uint64_t ticks, Timestamp wall) noexcept {
    const bool forward = samples_ > 0 && ticks > last_ticks_ && wall > last_wall_;
    if (forward) {
      nanoseconds_per_tick_ =
          static_cast<double>((wall - last_wall_).nanoseconds) / static_cast<double>(ticks - last_ticks_);
    }
    samples_ = forward ? 2 : 1;
    last_ticks_ = ticks;
    last_wall_ = wall;
  }

  // Two readings have been made: the rate is known.
  [[nodiscard]] bool ready() const noexcept { return samples_ > 1; }

  // Precondition: ready().
  [[nodiscard]] Timestamp at(std::uint64_t ticks) const noexcept {
    const auto since = static_cast<double>(static_cast<std::int64_t>(ticks - last_ticks_));
    return last_wall_ + Duration{static_cast<std::int64_t>(since * nanoseconds_per_tick_)};
  }

 private:
  int samples_ = 0;
  std::uint64_t last_ticks_ = 0;
  Timestamp last_wall_;
  double nanoseconds_per_tick_ = 0;
};

}  // namespace iris::source
