// From received packets to what connections are made of: decoded, out of their tunnels, put together from fragments.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "daemon/conn/arrival.hpp"
#include "daemon/conn/packet_events.hpp"

namespace iris::worker {

// Totals since the start. Written by the worker, read by anyone.
struct IntakeCounters {
  std::atomic<std::uint64_t> packets{0};
  std::atomic<std::uint64_t> bytes{0};      // on the wire
  std::atomic<std::uint64_t> undecoded{0};  // not TCP or UDP over IP, or malformed
};

// Used by one thread, but for counters().
class Intake {
 public:
  Intake();

  // What the burst holds, in its order. Valid until the next call; the packets are the caller's, as before. Each frame
  // is shown to `events` where somebody wants that.
  [[nodiscard]] std::span<const conn::Arrival> take(std::span<const source::PacketRef> burst,
                                                    conn::PacketEvents& events) noexcept;

  [[nodiscard]] const IntakeCounters& counters() const noexcept { return counters_; }

 private:
  std::vector<conn::Arrival> arrivals_;
  std::uint64_t number_ = 0;  // of the next packet
  IntakeCounters counters_;
};

}  // namespace iris::worker
