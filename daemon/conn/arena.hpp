// Memory of one connection's parser: handed out by moving a pointer, freed whole. It comes in blocks of one size, which
// the worker keeps and passes from connection to connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "parsers/api.hpp"

namespace iris::conn {

struct BlockLimits {
  std::size_t block_bytes = 2048;                  // at least 256
  std::size_t total_bytes = std::size_t{1} << 30;  // in use and kept, over all connections
  std::size_t kept_bytes = std::size_t{16} << 20;  // unused blocks kept for reuse
};

// Where the blocks of one worker's arenas come from. Used by its thread only; outlives its arenas.
class BlockPool {
  struct alignas(std::max_align_t) Block {
    Block* next = nullptr;
    std::size_t bytes = 0;  // the header included
  };

 public:
  explicit BlockPool(BlockLimits limits = {});
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  // Bytes of blocks that arenas have, headers included.
  [[nodiscard]] std::size_t used_bytes() const noexcept { return used_; }
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return kept_; }

  // The blocks of one arena, given back with it.
  class Chain {
   public:
    explicit Chain(BlockPool& pool) noexcept : pool_(pool) {}
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;
    ~Chain() { clear(); }

    // Another block with room for `bytes`: what it has, or nothing when that would be more than `cap` bytes in all, or
    // the pool's limit or memory is reached.
    [[nodiscard]] std::span<std::byte> add(std::size_t bytes, std::uint32_t cap) noexcept;
    void clear() noexcept;

    [[nodiscard]] std::uint32_t bytes() const noexcept { return bytes_; }  // headers included
    [[nodiscard]] std::size_t usual_room() const noexcept { return pool_.limits_.block_bytes - sizeof(Block); }

   private:
    BlockPool& pool_;
    Block* first_ = nullptr;
    std::uint32_t bytes_ = 0;
  };

 private:
  // At least `bytes`, the header included. nullptr when the limit or memory is reached.
  [[nodiscard]] Block* take(std::size_t bytes) noexcept;
  void give(Block* block) noexcept;

  BlockLimits limits_;
  std::size_t used_ = 0;
  std::size_t kept_ = 0;
  Block* free_ = nullptr;
};

// Part of a connection's cold part, at a fixed address; not copied. Destructors of what it holds are not run.
class ConnectionArena final : public parsers::Arena {
 public:
  static constexpr std::uint32_t default_cap = 256 << 10;

  // `cap`: bytes of blocks that this connection may have. Takes nothing before the first allocation.
  explicit ConnectionArena(BlockPool& pool, std::uint32_t cap = default_cap) noexcept : blocks_(pool), cap_(cap) {}

  // `alignment` is a power of two. Uninitialised; size 0 gives an address, too.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept override;
  // Everything, at once. The arena can be used again.
  void free_all() noexcept;

  [[nodiscard]] std::uint32_t bytes() const noexcept { return blocks_.bytes(); }  // of blocks

 private:
  BlockPool::Chain blocks_;
  void* next_ = nullptr;  // what is left of the latest block of the usual size
  std::size_t room_ = 0;  // its bytes
  std::uint32_t cap_;
};

}  // namespace iris::conn
