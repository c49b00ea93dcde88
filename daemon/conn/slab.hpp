// Objects of one size, named by 32-bit indices: cold parts of connections, and user state, one slab a type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/conn/record.hpp"

namespace iris::conn {

struct SlabOptions {
  std::uint32_t object_bytes = 0;
  std::uint32_t alignment = alignof(std::max_align_t);  // a power of two
  std::uint32_t capacity = no_index;                    // objects at a time
};

// Raw memory in chunks. Objects never move; their constructors and destructors are the caller's to run. Used by one
// thread. Memory comes with the first object, and is all given back when the last one goes and on destruction.
class Slab {
 public:
  explicit Slab(const SlabOptions& options) noexcept;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() { free_chunks(); }

  // Index of an uninitialised object; no_index at the capacity or when memory is exhausted. Constant time but for a new
  // chunk.
  [[nodiscard]] std::uint32_t allocate() noexcept;
  // `index` is allocated.
  void free(std::uint32_t index) noexcept;

  // `index` is allocated. Valid until it is freed.
  [[nodiscard]] void* at(std::uint32_t index) const noexcept {
    return chunks_[index >> chunk_shift_] + std::size_t{index & ((1U << chunk_shift_) - 1)} * stride_;
  }

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return chunks_.size() * chunk_bytes(); }

 private:
  [[nodiscard]] std::size_t chunk_bytes() const noexcept { return std::size_t{stride_} << chunk_shift_; }
  [[nodiscard]] bool add_chunk() noexcept;
  void free_chunks() noexcept;

  std::uint32_t stride_;
  std::uint32_t alignment_;
  std::uint32_t capacity_;
  std::uint32_t chunk_shift_;  // 2^this objects a chunk
  std::uint32_t size_ = 0;
  std::uint32_t limit_ = 0;        // indices used so far
  std::uint32_t free_ = no_index;  // freed objects, chained through their first bytes
  std::vector<std::byte*> chunks_;
};

}  // namespace iris::conn
