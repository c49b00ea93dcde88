// The host's functions that user code may call, besides the C++ library. They act on behalf of the unit whose code is
// running on this thread (CurrentCall), which the worker sets before it calls out.
#pragma once

#include <compare>
#include <cstdint>

#include <iris/time.hpp>

namespace iris::abi {

// Where in a run something is emitted: a replay's output is in this order, whatever the number of workers.
struct Position {
  // What happens at a packet, in this order.
  enum class Phase : std::uint8_t { by_itself, connection, afterwards };

  [[nodiscard]] static constexpr Position at(std::uint64_t packet, Phase phase) {
    return {.packet = 4 * packet + static_cast<std::uint64_t>(phase)};
  }

  std::uint64_t packet = 0;      // of at()
  std::uint64_t tick = 0;        // afterwards: when it was due
  std::uint64_t connection = 0;  // afterwards: number of the connection's first packet
  auto operator<=>(const Position&) const = default;
};

// Receives what user code emits. One a worker, used by its thread only.
class EmitSink {
 public:
  // `row_index` as the front end numbered the unit's rows. Copies what `row` holds before it returns; never blocks.
  virtual void emit(std::uint32_t subscription, std::uint32_t row_index, const void* row, Timestamp ts) noexcept = 0;

  // Of what is emitted from now on. Set by the worker.
  Position position;
  bool degraded = false;  // packets' contents are being given up for want of memory

 protected:
  ~EmitSink() = default;
};

// What is running on this thread. `subscription` 0 means host code.
struct CurrentCall {
  EmitSink* sink = nullptr;
  std::uint32_t subscription = 0;
  Timestamp ts{};
};
extern thread_local constinit CurrentCall current_call;

}  // namespace iris::abi
