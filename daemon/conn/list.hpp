// A small list that is part of a connection: N elements inline, more in a block of the worker's. The connection gives
// blocks back with clear().
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "daemon/conn/block_cache.hpp"

namespace iris::conn {

template <class T, std::uint32_t N>
class List {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* begin() { return data(); }
  [[nodiscard]] T* end() { return data() + size_; }
  [[nodiscard]] const T* begin() const { return data(); }
  [[nodiscard]] const T* end() const { return data() + size_; }
  T& operator[](std::uint32_t i) { return data()[i]; }
  [[nodiscard]] std::span<const T> view() const { return {data(), size_}; }

  // Returns false, and leaves the list as it is, when memory is exhausted.
  [[nodiscard]] bool push(const T& value, BlockCache& blocks) {
    if (size_ == capacity_ && !grow(blocks)) return false;
    data()[size_++] = value;
    return true;
  }
  // Order is kept.
  template <class Predicate>
  void erase_if(Predicate predicate) {
    size_ = static_cast<std::uint32_t>(std::remove_if(begin(), end(), predicate) - begin());
  }
  void shrink(std::uint32_t size) {
    assert(size <= size_);
    size_ = size;
  }
  void clear(BlockCache& blocks) {
    if (capacity_ > N) blocks.give(static_cast<void*>(storage_.block), bytes(capacity_));
    size_ = 0;
    capacity_ = N;
  }

 private:
  static constexpr std::size_t bytes(std::uint32_t capacity) { return std::bit_ceil(capacity * sizeof(T)); }
  [[nodiscard]] T* data() { return capacity_ > N ? storage_.block : storage_.inline_values; }
  [[nodiscard]] const T* data() const { return capacity_ > N ? storage_.block : storage_.inline_values; }
  bool grow(BlockCache& blocks) {
    const std::uint32_t capacity = capacity_ * 2;
    auto* block = static_cast<T*>(blocks.take(bytes(capacity)));
    if (block == nullptr) return false;
    std::copy_n(data(), size_, block);
    if (capacity_ > N) blocks.give(static_cast<void*>(storage_.block), bytes(capacity_));
    storage_.block = block;
    capacity_ = capacity;
    return true;
  }

  union Storage {
    T inline_values[N];
    T* block;
    constexpr Storage() : block(nullptr) {}
  } storage_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = N;
};

}  // namespace iris::conn
