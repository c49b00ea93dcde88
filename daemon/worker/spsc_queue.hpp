// A bounded queue of values between two threads, lock-free: one puts, one takes.
//
// Positions count values since the beginning and never wrap. Each side keeps the last it saw of the other's position,
// and looks again only when that does not suffice.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace iris::worker {

template <class Value>
class SpscQueue {  // NOLINT(clang-analyzer-optin.performance.Padding): each side has cache lines of its own
  static_assert(std::is_trivially_copyable_v<Value>);

 public:
  // Room for `capacity` values, rounded up to a power of two. Memory that is never used is never touched.
  explicit SpscQueue(std::size_t capacity)
      : mask_(std::bit_ceil(std::max<std::size_t>(capacity, 1)) - 1),
        values_(std::make_unique_for_overwrite<Slot[]>(mask_ + 1)) {}

  [[nodiscard]] std::size_t capacity() const noexcept { return mask_ + 1; }

  // The putting thread. False when the queue is full.
  [[nodiscard]] bool put(const Value& value) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - seen_head_ > mask_) seen_head_ = head_.load(std::memory_order_acquire);
    if (tail - seen_head_ > mask_) return false;
    std::construct_at(reinterpret_cast<Value*>(values_[tail & mask_].bytes), value);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // The taking thread. False when the queue is empty.
  [[nodiscard]] bool take(Value& value) noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == seen_tail_) seen_tail_ = tail_.load(std::memory_order_acquire);
    if (head == seen_tail_) return false;
    value = *reinterpret_cast<const Value*>(values_[head & mask_].bytes);
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  struct Slot {
    alignas(Value) std::byte bytes[sizeof(Value)];
  };

  const std::size_t mask_;
  const std::unique_ptr<Slot[]> values_;
  alignas(64) std::atomic<std::uint64_t> tail_{0};  // written by the putting thread
  std::uint64_t seen_head_ = 0;                     // the putting thread's
  alignas(64) std::atomic<std::uint64_t> head_{0};  // written by the taking thread
  std::uint64_t seen_tail_ = 0;                     // the taking thread's
};

}  // namespace iris::worker
