#include "daemon/conn/arena.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <memory>
#include <new>

#include "daemon/conn/poison.hpp"

namespace iris::conn {

BlockPool::BlockPool(BlockLimits limits) : limits_(limits) { assert(limits.block_bytes >= 256); }

BlockPool::~BlockPool() {
  assert(used_ == 0);  // an arena outlived its pool
  while (free_ != nullptr) {
    Block* const block = free_;
    free_ = block->next;
    unpoison(block, block->bytes);
    ::operator delete(block);
  }
}

BlockPool::Block* BlockPool::take(std::size_t bytes) noexcept {
  const bool usual = bytes <= limits_.block_bytes;
  if (usual && free_ != nullptr) {
    Block* const block = free_;
    free_ = block->next;
    kept_ -= block->bytes;
    used_ += block->bytes;
    return block;
  }
  const std::size_t size = usual ? limits_.block_bytes : bytes;
  const std::size_t held = used_ + kept_;
  if (held > limits_.total_bytes || size > limits_.total_bytes - held) return nullptr;
  void* const memory = ::operator new(size, std::nothrow);
  if (memory == nullptr) return nullptr;
  used_ += size;
  return new (memory) Block{nullptr, size};
}

void BlockPool::give(Block* block) noexcept {
  used_ -= block->bytes;
  if (block->bytes == limits_.block_bytes && kept_ + block->bytes <= limits_.kept_bytes) {
    block->next = free_;
    free_ = block;
    kept_ += block->bytes;
    poison(block + 1, block->bytes - sizeof(Block));
    return;
  }
  unpoison(block, block->bytes);
  ::operator delete(block);
}

std::span<std::byte> BlockPool::Chain::add(std::size_t bytes, std::uint32_t cap) noexcept {
  const std::size_t size = std::max(bytes + sizeof(Block), pool_.limits_.block_bytes);
  if (size > cap - bytes_) return {};
  Block* const block = pool_.take(size);
  if (block == nullptr) return {};
  block->next = first_;
  first_ = block;
  bytes_ += static_cast<std::uint32_t>(size);
  const std::size_t room = size - sizeof(Block);
  poison(block + 1, room);
  return {reinterpret_cast<std::byte*>(block + 1), room};
}

void BlockPool::Chain::clear() noexcept {
  while (first_ != nullptr) {
    Block* const block = first_;
    first_ = block->next;
    pool_.give(block);
  }
  bytes_ = 0;
}

void* ConnectionArena::allocate(std::size_t size, std::size_t alignment) noexcept {
  assert(std::has_single_bit(alignment));
  void* start = next_;
  std::size_t room = room_;
  bool usual = true;
  if (next_ == nullptr || std::align(alignment, size, start, room) == nullptr) {
    if (size > cap_ || alignment > cap_) return nullptr;
    const std::size_t wanted = size + alignment - 1;
    const std::span<std::byte> block = blocks_.add(wanted, cap_);
    if (block.empty()) return nullptr;
    start = block.data();
    room = block.size();
    std::align(alignment, size, start, room);
    usual = wanted <= blocks_.usual_room();
  }
  // A block of a size of its own is used up by one request; what is left of the latest usual one still serves.
  if (usual) {
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
