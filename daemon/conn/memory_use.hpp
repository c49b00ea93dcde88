// What a part of a worker's memory holds. All of it was taken at the start: `used` is not what the system says.
#pragma once

#include <cstdint>

namespace iris::conn {

struct MemoryUse {
  std::uint64_t used = 0;      // bytes in use
  std::uint64_t reserved = 0;  // bytes in all: the configured limit
  std::uint64_t refused = 0;   // requests since the start for which there was no room

  [[nodiscard]] MemoryUse operator+(const MemoryUse& other) const noexcept {
    return {used + other.used, reserved + other.reserved, refused + other.refused};
  }
};

}  // namespace iris::conn
