// TCP connections in the order in which they began, for a full table: who is given up for a new one.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/conn/mapping.hpp"
#include "jit/abi/result.hpp"

namespace iris::conn {

// A queue of records that were half-open when they were put in. Nobody takes them out when that changes: who takes one
// looks whether it still is. When it is full the oldest entry is forgotten. Used by one thread.
class HalfOpenQueue {
 public:
  struct Entry {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;  // of the record, when it was put in
  };

  // `capacity` is rounded up to a power of two.
  [[nodiscard]] static Result<HalfOpenQueue> create(std::uint32_t capacity, bool prefault);

  void push(Entry entry) noexcept {
    if (size_ == mask_ + 1) (void)pop();
    entries()[(first_ + size_++) & mask_] = entry;
  }
  // The oldest.
  [[nodiscard]] std::optional<Entry> pop() noexcept {
    if (size_ == 0) return std::nullopt;
    --size_;
    return entries()[first_++ & mask_];
  }

 private:
  HalfOpenQueue(Mapping memory, std::uint32_t capacity) : memory_(std::move(memory)), mask_(capacity - 1) {}
  [[nodiscard]] Entry* entries() const noexcept { return static_cast<Entry*>(memory_.data()); }

  Mapping memory_;
  std::uint32_t mask_;
  std::uint32_t first_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace iris::conn
