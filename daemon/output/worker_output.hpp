// A worker's end of the output: copies what user code emits into the worker's ring.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "daemon/output/channel.hpp"
#include "daemon/output/encoder.hpp"
#include "daemon/output/ring.hpp"
#include "jit/abi/host_api.hpp"

namespace iris::output {

// What precedes an event's flat form in a ring. The channel outlives the record (Output::retire).
struct RecordHeader {
  Channel* channel = nullptr;
  Timestamp ts;
  abi::Position position;
  std::uint32_t row_index = 0;
  bool degraded = false;  // abi::EmitSink::degraded, when it was emitted
};

// Records as a ring has them, one after the other.
struct Records {
  std::vector<std::byte> bytes;
  std::vector<std::size_t> ends;

  void append(std::span<const std::byte> record);
  void clear() noexcept {
    bytes.clear();
    ends.clear();
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends.size(); }
  [[nodiscard]] std::span<const std::byte> operator[](std::size_t index) const noexcept {
    const std::size_t start = index == 0 ? 0 : ends[index - 1];
    return std::span(bytes).subspan(start, ends[index] - start);
  }
};

class WorkerOutput final : public abi::EmitSink {
 public:
  // `index` among the workers. `make_room`, if set, empties the ring when it is full; otherwise the event is lost.
  WorkerOutput(std::size_t index, std::size_t ring_bytes, const ChannelTable& channels, std::function<void()> make_room)
      : index_(index), channels_(channels), make_room_(std::move(make_room)), ring_(ring_bytes) {}

  // Thread: the worker's.
  void emit(std::uint32_t subscription, std::uint32_t row_index, const void* row, Timestamp ts) noexcept override;

  // Moves what the ring holds to the end of `records`. Thread: the ring's consumer, which may be the worker.
  void move_to(Records& records);

  [[nodiscard]] Ring& ring() noexcept { return ring_; }
  [[nodiscard]] const Ring& ring() const noexcept { return ring_; }

 private:
  const std::size_t index_;
  const ChannelTable& channels_;
  const std::function<void()> make_room_;
  // Encoded here first: user memory is read before ring space is taken, so a fault in it leaves the ring as it was.
  alignas(8) std::array<std::byte, sizeof(RecordHeader) + max_event_bytes> scratch_{};
  Ring ring_;
};

}  // namespace iris::output
