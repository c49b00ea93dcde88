// Memory of one connection's parser: handed out by moving a pointer, freed whole. It comes in blocks, mostly of one
// size, that pass from connection to connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "daemon/conn/block_cache.hpp"
#include "daemon/conn/memory_use.hpp"
#include "jit/abi/result.hpp"
#include "parsers/api.hpp"

namespace iris::conn {

struct BlockLimits {
  std::size_t block_bytes = 2048;                  // of the usual block, a power of two, at least 256
  std::size_t total_bytes = std::size_t{1} << 30;  // of all connections
  std::uint32_t arena_bytes = 256U << 10;          // of one connection
  bool prefault = false;                           // create all pages now, on this thread's NUMA node
};

// Where the blocks of one worker's arenas come from: memory that is all taken at creation. Used by its thread only, but
// for use(); outlives its arenas.
class BlockPool {
  struct alignas(std::max_align_t) Block {
    Block* next = nullptr;
    std::size_t bytes = 0;  // the header included
  };

 public:
  // Fails when the limits make no sense or memory is not to be had.
  [[nodiscard]] static Result<BlockPool> create(const BlockLimits& limits);
  BlockPool(BlockPool&&) noexcept = default;  // before there is an arena

  // Of blocks that arenas have, headers included. Thread: any.
  [[nodiscard]] MemoryUse use() const noexcept { return blocks_.use(); }
  [[nodiscard]] std::uint32_t arena_bytes() const noexcept { return limits_.arena_bytes; }

  // The blocks of one arena, given back with it.
  class Chain {
   public:
    explicit Chain(BlockPool& pool) noexcept : pool_(pool) {}
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;
    ~Chain() { clear(); }

    // Another block with room for `bytes`: what it has, or nothing when that would be more than `cap` bytes in all, or
    // none is left.
    [[nodiscard]] std::span<std::byte> add(std::size_t bytes, std::uint32_t cap) noexcept;
    void clear() noexcept;

    [[nodiscard]] std::uint32_t bytes() const noexcept { return bytes_; }  // headers included

   private:
    BlockPool& pool_;
    Block* first_ = nullptr;
    std::uint32_t bytes_ = 0;
  };

 private:
  BlockPool(BlockCache blocks, const BlockLimits& limits) : limits_(limits), blocks_(std::move(blocks)) {}

  BlockLimits limits_;
  BlockCache blocks_;
};

// Part of a connection's cold part, at a fixed address; not copied. Destructors of what it holds are not run.
class ConnectionArena final : public parsers::Arena {
 public:
  // May have blocks of as many bytes as the pool's limit says. Takes nothing before the first allocation.
  explicit ConnectionArena(BlockPool& pool) noexcept : blocks_(pool), cap_(pool.arena_bytes()) {}

  // `alignment` is a power of two. Uninitialised; size 0 gives an address, too.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept override;
  // Everything, at once. The arena can be used again.
  void free_all() noexcept;

  [[nodiscard]] std::uint32_t bytes() const noexcept { return blocks_.bytes(); }  // of blocks

 private:
  BlockPool::Chain blocks_;
  void* next_ = nullptr;  // what is left of the block that has most left
  std::size_t room_ = 0;  // its bytes
  std::uint32_t cap_;
};

}  // namespace iris::conn
