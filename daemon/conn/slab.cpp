#include "daemon/conn/slab.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

#include "daemon/conn/poison.hpp"

namespace iris::conn {
namespace {

constexpr std::uint32_t round_up(std::uint32_t bytes, std::uint32_t alignment) {
  return (bytes + alignment - 1) & ~(alignment - 1);
}

}  // namespace

Result<Slab> Slab::create(const SlabOptions& options) {
  assert(std::has_single_bit(options.alignment) && options.alignment <= 4096);
  const auto link_bytes = static_cast<std::uint32_t>(sizeof free_);
  const std::uint32_t stride =
      round_up(std::max(options.object_bytes, link_bytes), std::max(options.alignment, link_bytes));
  auto memory = Mapping::create(std::size_t{stride} * options.capacity, options.prefault);
  if (!memory) return std::unexpected(std::move(memory.error()));
  return Slab(std::move(*memory), stride, options.capacity);
}

Slab::~Slab() {
  if (memory_.data() != nullptr) unpoison(at(0), std::size_t{std::min(limit_ + 1, capacity_)} * stride_);
}

MemoryUse Slab::use() const noexcept {
  return {size_.load() * stride_, std::uint64_t{capacity_} * stride_, refused_.load()};
}

std::uint32_t Slab::allocate() noexcept {
  std::uint32_t index = free_;
  if (index != no_index) {
    void* const object = at(index);
    unpoison(object, stride_);
    std::memcpy(&free_, object, sizeof free_);
  } else if (limit_ < capacity_) {
    index = limit_++;
    unpoison(at(index), stride_);
    if (limit_ < capacity_) poison(at(limit_), stride_);
  } else {
    refused_.add(1);
    return no_index;
  }
  size_.add(1);
  return index;
}

void Slab::free(std::uint32_t index) noexcept {
  assert(index < limit_ && size_.load() > 0);
  size_.subtract(1);
  void* const object = at(index);
  std::memcpy(object, &free_, sizeof free_);
  free_ = index;
  poison(object, stride_);
}

}  // namespace iris::conn
