// Packets that lie in memory already, as fast as they are taken: for benchmarks and tests. A packet costs what it takes
// to write its PacketRef (32 bytes).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "daemon/source/buffers.hpp"
#include "daemon/source/source.hpp"

namespace iris::source {

struct Frame {
  std::vector<std::uint8_t> bytes;  // from the Ethernet header on
  Timestamp ts;
};

class MemorySource final : public Source {
 public:
  static constexpr std::uint64_t forever = UINT64_MAX;

  // Frames in their order, `passes` times. Each pass is later than the one before by the frames' whole span and
  // `between` more, so that time goes on.
  explicit MemorySource(std::span<const Frame> frames, std::uint64_t passes = 1, Duration between = {1000});

  // Writes packets to the beginning of the span and returns how many; 0 ends the source. Their bytes stay in place and
  // unchanged for as long as the source lives, and they have no handle. Does not throw.
  using Generator = std::function<std::size_t(std::span<PacketRef>)>;
  explicit MemorySource(Generator generator);

  MemorySource(const MemorySource&) = delete;
  MemorySource& operator=(const MemorySource&) = delete;

  [[nodiscard]] std::size_t receive(std::span<PacketRef> burst) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override { return done_; }

  // The timestamp of the last packet handed out, 0 before.
  [[nodiscard]] Timestamp now() const noexcept override { return now_; }
  [[nodiscard]] Counters counters() const noexcept override { return counters_; }

  // Only what was composed comes and goes: the frames' memory stays as it is.
  void hold(const PacketRef& packet) noexcept override;
  void release(std::span<const PacketRef> packets) noexcept override;
  // As long as there is memory.
  [[nodiscard]] Room compose(std::uint32_t length) noexcept override;

  // Packets composed and not yet released.
  [[nodiscard]] std::size_t in_use() const { return composed_.in_use(); }

 private:
  [[nodiscard]] std::size_t replay(std::span<PacketRef> burst) noexcept;

  std::vector<std::uint8_t> bytes_;  // of all frames, each from a cache line's beginning
  std::vector<PacketRef> packets_;
  std::size_t next_ = 0;
  std::uint64_t passes_left_ = 0;
  Duration shift_;   // of this pass
  Duration period_;  // of every pass
  Generator generator_;
  Buffers composed_;
  bool done_ = false;
  Timestamp now_;
  Counters counters_;
};

}  // namespace iris::source
