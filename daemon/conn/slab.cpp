#include "daemon/conn/slab.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <exception>
#include <new>

#include "daemon/conn/poison.hpp"

namespace iris::conn {
namespace {

constexpr std::uint32_t usual_chunk_bytes = 64 << 10;

constexpr std::uint32_t round_up(std::uint32_t bytes, std::uint32_t alignment) {
  return (bytes + alignment - 1) & ~(alignment - 1);
}

}  // namespace

Slab::Slab(const SlabOptions& options) noexcept
    : stride_(0),
      alignment_(std::max(options.alignment, std::uint32_t{alignof(std::uint32_t)})),
      capacity_(options.capacity) {
  assert(std::has_single_bit(options.alignment));
  const auto link_bytes = static_cast<std::uint32_t>(sizeof free_);
  stride_ = round_up(std::max(options.object_bytes, link_bytes), alignment_);
  chunk_shift_ = static_cast<std::uint32_t>(std::bit_width(std::max(usual_chunk_bytes / stride_, 1U))) - 1;
}

std::uint32_t Slab::allocate() noexcept {
  if (size_ >= capacity_) return no_index;
  std::uint32_t index = free_;
  if (index != no_index) {
    void* const object = at(index);
    unpoison(object, stride_);
    std::memcpy(&free_, object, sizeof free_);
  } else {
    if (limit_ == chunks_.size() << chunk_shift_ && !add_chunk()) return no_index;
    index = limit_++;
    unpoison(at(index), stride_);
  }
  ++size_;
  return index;
}

void Slab::free(std::uint32_t index) noexcept {
  assert(index < limit_ && size_ > 0);
  if (--size_ == 0) {
    free_chunks();
    return;
  }
  void* const object = at(index);
  std::memcpy(object, &free_, sizeof free_);
  free_ = index;
  poison(object, stride_);
}

bool Slab::add_chunk() noexcept {
  void* const chunk = ::operator new(chunk_bytes(), std::align_val_t{alignment_}, std::nothrow);
  if (chunk == nullptr) return false;
  try {
    chunks_.push_back(static_cast<std::byte*>(chunk));
  } catch (const std::exception&) {
    ::operator delete(chunk, std::align_val_t{alignment_});
    return false;
  }
  poison(chunk, chunk_bytes());
  return true;
}

void Slab::free_chunks() noexcept {
  for (std::byte* chunk : chunks_) {
    unpoison(chunk, chunk_bytes());
    ::operator delete(chunk, std::align_val_t{alignment_});
  }
  chunks_ = {};
  limit_ = 0;
  free_ = no_index;
}

}  // namespace iris::conn
