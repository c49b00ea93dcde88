// What ThreadSanitizer cannot see by itself: DPDK's rings and pools order memory between threads, but in libraries that
// it does not instrument. Nothing in other builds.
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IRIS_THREAD_SANITIZER 1
extern "C" void __tsan_acquire(void* address);  // NOLINT(bugprone-reserved-identifier): its name
extern "C" void __tsan_release(void* address);  // NOLINT(bugprone-reserved-identifier): its name
#endif
#endif

namespace iris::source {

// Packets of this pool are about to go into a ring, or back to the pool.
inline void before_hand_over([[maybe_unused]] void* pool) noexcept {
#ifdef IRIS_THREAD_SANITIZER
  __tsan_release(pool);
#endif
}

// Packets of this pool have come out of a ring, or of the pool.
inline void after_hand_over([[maybe_unused]] void* pool) noexcept {
#ifdef IRIS_THREAD_SANITIZER
  __tsan_acquire(pool);
#endif
}

}  // namespace iris::source
