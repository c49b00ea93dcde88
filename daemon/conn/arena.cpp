#include "daemon/conn/arena.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <memory>
#include <new>
#include <utility>

#include "daemon/conn/poison.hpp"

namespace iris::conn {

Result<BlockPool> BlockPool::create(const BlockLimits& limits) {
  assert(std::has_single_bit(limits.block_bytes) && limits.block_bytes >= 256);
  const std::size_t largest = std::bit_ceil(std::max<std::size_t>(limits.arena_bytes, limits.block_bytes));
  auto blocks = BlockCache::create(
      {.bytes = limits.total_bytes, .smallest = limits.block_bytes, .largest = largest, .prefault = limits.prefault});
  if (!blocks) return std::unexpected(std::move(blocks.error()));
  return BlockPool(std::move(*blocks), limits);
}

std::span<std::byte> BlockPool::Chain::add(std::size_t bytes, std::uint32_t cap) noexcept {
  const std::size_t usual = pool_.limits_.block_bytes;
  const std::size_t size = (bytes + sizeof(Block) + usual - 1) / usual * usual;
  if (size > cap - bytes_) return {};
  void* const memory = pool_.blocks_.take(size);
  if (memory == nullptr) return {};
  first_ = new (memory) Block{first_, size};
  bytes_ += static_cast<std::uint32_t>(size);
  const std::size_t room = size - sizeof(Block);
  poison(first_ + 1, room);
  return {reinterpret_cast<std::byte*>(first_ + 1), room};
}

void BlockPool::Chain::clear() noexcept {
  while (first_ != nullptr) {
    Block* const block = first_;
    first_ = block->next;
    pool_.blocks_.give(block, block->bytes);
  }
  bytes_ = 0;
}

void* ConnectionArena::allocate(std::size_t size, std::size_t alignment) noexcept {
  assert(std::has_single_bit(alignment));
  void* start = next_;
  std::size_t room = room_;
  bool fresh = false;
  if (next_ == nullptr || std::align(alignment, size, start, room) == nullptr) {
    if (size > cap_ || alignment > cap_) return nullptr;
    const std::span<std::byte> block = blocks_.add(size + alignment - 1, cap_);
    if (block.empty()) return nullptr;
    start = block.data();
    room = block.size();
    std::align(alignment, size, start, room);
    fresh = true;
  }
  // Where a large request has all but used up a block of its own, what is left of the one before still serves.
  if (!fresh || room - size > room_) {
    next_ = static_cast<std::byte*>(start) + size;
    room_ = room - size;
  }
  unpoison(start, size);
  return start;
}

void ConnectionArena::free_all() noexcept {
  blocks_.clear();
  next_ = nullptr;
  room_ = 0;
}

}  // namespace iris::conn
