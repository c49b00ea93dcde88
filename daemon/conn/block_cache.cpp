#include "daemon/conn/block_cache.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <string>
#include <utility>

#include "daemon/conn/poison.hpp"

namespace iris::conn {
namespace {

constexpr std::uint32_t most_kept = 64;  // of each size

std::uint32_t log2(std::size_t power) { return static_cast<std::uint32_t>(std::countr_zero(power)); }

}  // namespace

Result<BlockCache> BlockCache::create(const BlockOptions& options) {
  assert(std::has_single_bit(options.smallest) && options.smallest >= alignment);
  assert(std::has_single_bit(options.largest) && options.largest >= options.smallest);
  if (options.bytes < options.smallest) {
    return fail(ErrorCode::invalid, "memory of " + std::to_string(options.bytes) + " bytes has no block of " +
                                        std::to_string(options.smallest) + " bytes: give it more");
  }
  BlockOptions fitting = options;
  fitting.largest = std::min(options.largest, std::bit_floor(options.bytes));
  fitting.bytes = options.bytes / fitting.largest * fitting.largest;
  auto memory = Mapping::create(fitting.bytes, fitting.prefault);
  if (!memory) return std::unexpected(std::move(memory.error()));
  auto marks = Mapping::create(fitting.bytes / fitting.smallest, fitting.prefault);
  if (!marks) return std::unexpected(std::move(marks.error()));
  return BlockCache(std::move(*memory), std::move(*marks), fitting);
}

BlockCache::BlockCache(Mapping memory, Mapping marks, const BlockOptions& options)
    : memory_(std::move(memory)),
      marks_(std::move(marks)),
      shift_(log2(options.smallest)),
      top_(log2(options.largest) - shift_),
      end_(options.bytes) {
  assert(top_ < most_levels);
}

BlockCache::~BlockCache() {
  if (memory_.data() != nullptr) unpoison(memory_.data(), fresh_);
}

MemoryUse BlockCache::use() const noexcept { return {used_.load(), end_, refused_.load()}; }

void* BlockCache::take(std::size_t bytes) noexcept {
  if (bytes > largest()) {
    refused_.add(1);
    return nullptr;
  }
  const std::size_t wanted = (std::max<std::size_t>(bytes, 1) + size_of(0) - 1) >> shift_ << shift_;
  const std::uint32_t level = log2(std::bit_ceil(wanted)) - shift_;
  void* block = pop_kept(level);
  if (block == nullptr) block = carve(level);
  if (block == nullptr && merge_kept()) block = carve(level);
  if (block == nullptr) {
    refused_.add(1);
    return nullptr;
  }
  const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(block) - base());
  if (wanted < size_of(level)) release_range(offset + wanted, offset + size_of(level));
  used_.add(wanted);
  unpoison(block, wanted);
  return block;
}

void BlockCache::give(void* block, std::size_t bytes) noexcept {
  const std::size_t taken = (std::max<std::size_t>(bytes, 1) + size_of(0) - 1) >> shift_ << shift_;
  const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(block) - base());
  assert(offset + taken <= fresh_ && used_.load() >= taken);
  used_.subtract(taken);
  poison(block, taken);
  if (!std::has_single_bit(taken)) return release_range(offset, offset + taken);
  const std::uint32_t level = log2(taken) - shift_;
  Kept& kept = kept_[level];
  if (kept.count == most_kept) return release(offset, level);
  unpoison(block, sizeof(Free));
  auto* const free = static_cast<Free*>(block);
  free->next = kept.first;
  kept.first = free;
  ++kept.count;
}

BlockCache::Free* BlockCache::pop_kept(std::uint32_t level) noexcept {
  Kept& kept = kept_[level];
  Free* const first = kept.first;
  if (first == nullptr) return nullptr;
  kept.first = first->next;
  --kept.count;
  return first;
}

// From the smallest free block that is large enough, else from memory that nobody has had yet.
void* BlockCache::carve(std::uint32_t level) noexcept {
  std::uint32_t from = level;
  while (from <= top_ && free_[from] == nullptr) ++from;
  std::size_t offset = fresh_;
  if (from <= top_) {
    offset = static_cast<std::size_t>(reinterpret_cast<std::byte*>(free_[from]) - base());
    unlink(offset, from);
  } else if (fresh_ < end_) {
    from = top_;
    fresh_ += size_of(top_);
    poison(base() + offset, size_of(top_));
  } else {
    return nullptr;
  }
  while (from > level) {
    --from;
    link(offset + size_of(from), from);
  }
  return base() + offset;
}

// Returns whether there was anything to merge.
bool BlockCache::merge_kept() noexcept {
  bool any = false;
  for (std::uint32_t level = 0; level <= top_; ++level) {
    while (Free* const block = pop_kept(level)) {
      poison(block, sizeof(Free));
      release(static_cast<std::size_t>(reinterpret_cast<std::byte*>(block) - base()), level);
      any = true;
    }
  }
  return any;
}

void BlockCache::release(std::size_t offset, std::uint32_t level) noexcept {
  for (; level < top_; ++level) {
    const std::size_t buddy = offset ^ size_of(level);
    if (mark(buddy) != level + 1) break;
    unlink(buddy, level);
    offset &= ~size_of(level);
  }
  link(offset, level);
}

// Part of a block, in the largest pieces that it consists of: at each end the alignment says how large one can be.
void BlockCache::release_range(std::size_t begin, std::size_t end) noexcept {
  while (begin < end) {
    const std::size_t aligned = begin == 0 ? largest() : begin & (~begin + 1);
    const std::size_t piece = std::min({aligned, std::bit_floor(end - begin), largest()});
    release(begin, log2(piece) - shift_);
    begin += piece;
  }
}

void BlockCache::link(std::size_t offset, std::uint32_t level) noexcept {
  unpoison(base() + offset, sizeof(Free));
  auto* const block = reinterpret_cast<Free*>(base() + offset);
  *block = {free_[level], nullptr};
  if (block->next != nullptr) block->next->previous = block;
  free_[level] = block;
  mark(offset) = static_cast<std::uint8_t>(level + 1);
}

void BlockCache::unlink(std::size_t offset, std::uint32_t level) noexcept {
  auto* const block = reinterpret_cast<Free*>(base() + offset);
  (block->previous != nullptr ? block->previous->next : free_[level]) = block->next;
  if (block->next != nullptr) block->next->previous = block->previous;
  mark(offset) = 0;
  poison(block, sizeof(Free));
}

}  // namespace iris::conn
