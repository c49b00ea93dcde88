// Objects of one size, named by 32-bit indices: cold parts of connections.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/conn/counter.hpp"
#include "daemon/conn/mapping.hpp"
#include "daemon/conn/memory_use.hpp"
#include "daemon/conn/record.hpp"
#include "jit/abi/result.hpp"

namespace iris::conn {

struct SlabOptions {
  std::uint32_t object_bytes = 0;
  std::uint32_t alignment = alignof(std::max_align_t);  // a power of two, at most a page's 4096
  std::uint32_t capacity = 0;                           // objects at a time
  bool prefault = false;                                // create all pages now, on this thread's NUMA node
};

// Raw memory, all of it taken at creation. Objects never move; their constructors and destructors are the caller's to
// run. One thread's, but for use(). What was freed last is allocated first; pages that were used once stay, so that a
// peak costs the kernel's work only the first time.
class Slab {
 public:
  // Fails when memory is not to be had.
  [[nodiscard]] static Result<Slab> create(const SlabOptions& options);
  Slab(Slab&&) noexcept = default;  // before anything is allocated
  ~Slab();

  // Index of an uninitialised object; no_index, which is counted, at the capacity. Constant time.
  [[nodiscard]] std::uint32_t allocate() noexcept;
  // `index` is allocated.
  void free(std::uint32_t index) noexcept;

  // `index` is allocated. Valid until it is freed.
  [[nodiscard]] void* at(std::uint32_t index) const noexcept {
    return static_cast<std::byte*>(memory_.data()) + std::size_t{index} * stride_;
  }

  // Thread: any.
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(size_.load()); }
  [[nodiscard]] MemoryUse use() const noexcept;

 private:
  Slab(Mapping memory, std::uint32_t stride, std::uint32_t capacity)
      : memory_(std::move(memory)), stride_(stride), capacity_(capacity) {}

  Mapping memory_;
  std::uint32_t stride_;
  std::uint32_t capacity_;
  std::uint32_t limit_ = 0;        // indices used so far
  std::uint32_t free_ = no_index;  // freed objects, chained through their first bytes
  Counter size_;
  Counter refused_;
};

}  // namespace iris::conn
