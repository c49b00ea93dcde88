#include "daemon/conn/half_open.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace iris::conn {

Result<HalfOpenQueue> HalfOpenQueue::create(std::uint32_t capacity, bool prefault) {
  const std::uint32_t entries = std::bit_ceil(std::clamp(capacity, 1U, 1U << 30));
  auto memory = Mapping::create(std::size_t{entries} * sizeof(Entry), prefault);
  if (!memory) return std::unexpected(std::move(memory.error()));
  return HalfOpenQueue(std::move(*memory), entries);
}

}  // namespace iris::conn
