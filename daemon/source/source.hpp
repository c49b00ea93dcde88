// Where packets come from. A source belongs to one worker and is used by its thread only. Beyond daemon/source a packet
// is an opaque PacketRef: nobody else sees DPDK.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <iris/time.hpp>

#include "daemon/source/packet.hpp"

namespace iris::source {

// Totals since the start.
struct Counters {
  std::uint64_t packets = 0;  // handed out
  std::uint64_t bytes = 0;    // of them, on the wire
  std::uint64_t missed = 0;   // lost before they could be handed out (imissed, no mbuf)
};

class Source : public PacketHolder {
 public:
  virtual ~Source() = default;

  // Fills the beginning of `burst` with what has arrived, in order of arrival, and returns how many; 0: nothing now.
  // Each packet stays valid until it is released.
  [[nodiscard]] virtual std::size_t receive(std::span<PacketRef> burst) noexcept = 0;

  // Nothing will ever come again: the end of a capture.
  [[nodiscard]] virtual bool exhausted() const noexcept = 0;

  // Whether each whole TCP or UDP packet comes, by itself, to the worker that owns its connection (Owner). Otherwise
  // its receiver has to look, where there is more than one.
  [[nodiscard]] virtual bool spread_by_owner() const noexcept { return false; }

  // The clock by which idle time passes: wall time for ports, the latest packet's for captures.
  [[nodiscard]] virtual Timestamp now() const noexcept = 0;

  [[nodiscard]] virtual Counters counters() const noexcept = 0;
};

}  // namespace iris::source
