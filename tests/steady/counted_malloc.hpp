// Counts what a thread allocates, in whatever library: the executable's own malloc and its kin come before the C
// library's. Not in builds with a sanitizer, which replaces them itself.
#pragma once

#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IRIS_MALLOC_IS_TAKEN 1
#endif
#endif

namespace iris::steady {

#ifdef IRIS_MALLOC_IS_TAKEN
inline constexpr bool counts_malloc = false;
#else
inline constexpr bool counts_malloc = true;
#endif

// By this thread, since it started. 0 where counts_malloc is false.
[[nodiscard]] std::uint64_t allocations() noexcept;

}  // namespace iris::steady
