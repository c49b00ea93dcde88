// A number that one thread writes and any thread reads: for what status tells of a worker.
#pragma once

#include <atomic>
#include <cstdint>

namespace iris::conn {

// Each value is one that was written; nothing else is ordered by it. Copied and moved only before it is shared.
class Counter {
 public:
  constexpr Counter() = default;
  Counter(const Counter& other) noexcept : value_(other.load()) {}
  Counter& operator=(const Counter& other) noexcept {
    set(other.load());
    return *this;
  }

  [[nodiscard]] std::uint64_t load() const noexcept { return value_.load(std::memory_order_relaxed); }
  operator std::uint64_t() const noexcept { return load(); }
  // The writer's. A load and a store, not an atomic addition: nobody else writes.
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::uint64_t n) noexcept { set(load() + n); }
  void subtract(std::uint64_t n) noexcept { set(load() - n); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace iris::conn
