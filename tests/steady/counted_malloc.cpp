#include "tests/steady/counted_malloc.hpp"

#include <cerrno>
#include <cstddef>

namespace iris::steady {
namespace {

constinit thread_local std::uint64_t count = 0;

}  // namespace

std::uint64_t allocations() noexcept { return count; }

}  // namespace iris::steady

#ifndef IRIS_MALLOC_IS_TAKEN
// NOLINTBEGIN(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name): glibc's names
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  ++iris::steady::count;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++iris::steady::count;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  ++iris::steady::count;
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  ++iris::steady::count;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  void* const allocated = memalign(alignment, size);
  if (allocated == nullptr) return ENOMEM;
  *memory = allocated;
  return 0;
}
}
// NOLINTEND(bugprone-reserved-identifier,readability-inconsistent-declaration-parameter-name)
#endif
