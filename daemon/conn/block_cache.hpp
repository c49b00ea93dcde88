// Memory in blocks of different sizes, all of it taken at creation: for the lists and the user state of connections,
// and for the arenas of their parsers.
//
// A buddy system (Knuth, The Art of Computer Programming, volume 1, 2.5): a block is half of one twice as large, and
// two free halves become whole again, so that what was cut small can serve large requests later. What is given back is
// often asked for again at once, and is still in the processor's cache: some blocks of each size are kept as they are,
// the latest first, and merged only when memory is short.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "daemon/conn/counter.hpp"
#include "daemon/conn/mapping.hpp"
#include "daemon/conn/memory_use.hpp"
#include "jit/abi/result.hpp"

namespace iris::conn {

struct BlockOptions {
  static constexpr std::size_t usual_largest = std::size_t{1} << 20;

  std::size_t bytes = 0;                // in all; what does not make up a largest block is left out
  std::size_t smallest = 64;            // a power of two, at least 64; requests are rounded up to multiples of it
  std::size_t largest = usual_largest;  // a power of two; brought down to what fits `bytes`
  bool prefault = false;                // create all pages now, on this thread's NUMA node
};

// One thread's, but for use(). After creation it asks the system for nothing, and gives nothing back: pages that were
// used once stay. Both calls take constant time, but for merging up to some hundred kept blocks where memory is short.
class BlockCache {
 public:
  static constexpr std::size_t alignment = 64;  // of every block

  // Fails when the sizes make no sense or memory is not to be had.
  [[nodiscard]] static Result<BlockCache> create(const BlockOptions& options);
  BlockCache(BlockCache&&) noexcept = default;  // before anything is taken
  ~BlockCache();

  // Uninitialised. nullptr, which is counted, when no block of that size is left or `bytes` is more than largest().
  [[nodiscard]] void* take(std::size_t bytes) noexcept;
  // `block` is what take(bytes) returned.
  void give(void* block, std::size_t bytes) noexcept;

  [[nodiscard]] std::size_t largest() const noexcept { return std::size_t{1} << (shift_ + top_); }
  // Thread: any.
  [[nodiscard]] MemoryUse use() const noexcept;

 private:
  // A free block, in its own first bytes.
  struct Free {
    Free* next;
    Free* previous;  // not of kept blocks
  };
  struct Kept {
    Free* first = nullptr;
    std::uint32_t count = 0;
  };
  static constexpr std::size_t most_levels = 40;

  BlockCache(Mapping memory, Mapping marks, const BlockOptions& options);

  [[nodiscard]] std::byte* base() const noexcept { return static_cast<std::byte*>(memory_.data()); }
  [[nodiscard]] std::uint8_t& mark(std::size_t offset) const noexcept {
    return static_cast<std::uint8_t*>(marks_.data())[offset >> shift_];
  }
  [[nodiscard]] std::size_t size_of(std::uint32_t level) const noexcept { return std::size_t{1} << (shift_ + level); }
  [[nodiscard]] Free* pop_kept(std::uint32_t level) noexcept;
  [[nodiscard]] void* carve(std::uint32_t level) noexcept;
  [[nodiscard]] bool merge_kept() noexcept;
  void release(std::size_t offset, std::uint32_t level) noexcept;
  void release_range(std::size_t begin, std::size_t end) noexcept;
  void link(std::size_t offset, std::uint32_t level) noexcept;
  void unlink(std::size_t offset, std::uint32_t level) noexcept;

  Mapping memory_;
  Mapping marks_;  // a byte for each smallest block: 1 + its level where a block begins that is in `free_`, else 0
  std::uint32_t shift_;                    // log2 of the smallest size
  std::uint32_t top_;                      // level of the largest
  std::size_t end_;                        // bytes in all
  std::size_t fresh_ = 0;                  // from here on nothing was ever handed out
  std::array<Free*, most_levels> free_{};  // by level: blocks whose buddy is not wholly free
  std::array<Kept, most_levels> kept_{};   // by level: given back, and not merged yet; to their buddies they are in use
  Counter used_;
  Counter refused_;
};

}  // namespace iris::conn
