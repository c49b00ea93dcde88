// A queue of records of any size between two threads, in one block of memory, lock-free.
//
// Positions count bytes since the beginning and never wrap. A record is a 32-bit length and its bytes, padded to eight;
// it lies in one piece: where it would cross the end of the block, the rest of the block is skipped, which a length of
// all ones says. The producer alone writes `tail_`, the consumer alone `head_`; each keeps the last it saw of the
// other's, and looks again only when that does not suffice.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

namespace iris::output {

class Ring {  // NOLINT(clang-analyzer-optin.performance.Padding): each side has cache lines of its own
 public:
  // Room for `capacity` bytes, rounded up to a power of two. The memory is touched, so that the producer never waits
  // for the kernel to provide it.
  explicit Ring(std::size_t capacity)
      : size_(std::bit_ceil(std::max<std::size_t>(capacity, 64))), memory_(std::make_unique<std::byte[]>(size_)) {}

  // The largest record that an empty ring has room for wherever its positions are.
  [[nodiscard]] std::size_t max_record() const noexcept { return size_ / 2 - header; }

  // Producer: space for one record of `size` bytes, aligned to eight; nullptr when there is no room. Valid until
  // commit, which makes the record visible; a further reserve instead gives it up.
  [[nodiscard]] std::byte* reserve(std::size_t size) noexcept {
    assert(size <= max_record());
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t offset = tail & (size_ - 1);
    const std::size_t needed = padded(size);
    const std::size_t skipped = needed <= size_ - offset ? 0 : size_ - offset;
    if (!has_room(tail, skipped + needed)) return nullptr;
    if (skipped != 0) put_length(offset, skip);
    const std::size_t start = skipped == 0 ? offset : 0;
    put_length(start, static_cast<std::uint32_t>(size));
    reserved_ = tail + skipped + needed;
    return memory_.get() + start + header;
  }

  void commit() noexcept { tail_.store(reserved_, std::memory_order_release); }

  // Consumer: the oldest record, valid until pop; nullopt when there is none.
  [[nodiscard]] std::optional<std::span<const std::byte>> front() noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return std::nullopt;
    }
    std::size_t offset = head & (size_ - 1);
    if (length_at(offset) == skip) {
      head += size_ - offset;
      offset = 0;
    }
    const std::uint32_t size = length_at(offset);
    next_ = head + padded(size);
    return std::span<const std::byte>(memory_.get() + offset + header, size);
  }

  void pop() noexcept { head_.store(next_, std::memory_order_release); }

  // Any thread. What was written before this call is consumed once `consumed()` has reached this value.
  [[nodiscard]] std::uint64_t produced() const noexcept { return tail_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t consumed() const noexcept { return head_.load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t header = 8;  // keeps records aligned
  static constexpr std::uint32_t skip = 0xffffffffU;
  static constexpr std::size_t line = 64;  // what one core fetches must not hold what another writes

  static constexpr std::size_t padded(std::size_t size) noexcept { return header + ((size + 7) & ~std::size_t{7}); }

  bool has_room(std::uint64_t tail, std::size_t bytes) noexcept {
    if (tail + bytes - head_seen_ <= size_) return true;
    head_seen_ = head_.load(std::memory_order_acquire);
    return tail + bytes - head_seen_ <= size_;
  }

  void put_length(std::size_t offset, std::uint32_t value) noexcept {
    std::memcpy(memory_.get() + offset, &value, sizeof value);
  }
  [[nodiscard]] std::uint32_t length_at(std::size_t offset) const noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, memory_.get() + offset, sizeof value);
    return value;
  }

  const std::size_t size_;
  const std::unique_ptr<std::byte[]> memory_;

  alignas(line) std::atomic<std::uint64_t> tail_{0};
  std::uint64_t head_seen_ = 0;  // producer's
  std::uint64_t reserved_ = 0;   // producer's

  alignas(line) std::atomic<std::uint64_t> head_{0};
  std::uint64_t tail_seen_ = 0;  // consumer's
  std::uint64_t next_ = 0;       // consumer's
};

}  // namespace iris::output
