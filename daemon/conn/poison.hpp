// Tells AddressSanitizer which bytes of a pool are nobody's. Nothing in other builds.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IRIS_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef IRIS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace iris::conn {

inline void poison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef IRIS_ADDRESS_SANITIZER
  __asan_poison_memory_region(memory, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef IRIS_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

}  // namespace iris::conn
