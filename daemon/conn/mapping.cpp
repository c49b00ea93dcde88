#include "daemon/conn/mapping.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>

namespace iris::conn {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t small_page = 4096;

// Returns an errno; 0: all pages exist. MADV_POPULATE_WRITE needs Linux 5.14; writing to each page does the same, but
// for what happens when there is no memory left.
int populate(void* data, std::size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  if (madvise(data, bytes, MADV_POPULATE_WRITE) == 0) return 0;
  if (errno != EINVAL) return errno;
#endif
  auto* const pages = static_cast<volatile std::uint8_t*>(data);
  for (std::size_t at = 0; at < bytes; at += small_page) pages[at] = 0;
  return 0;
}

std::unexpected<Error> no_memory(std::size_t bytes, int error) {
  return fail(ErrorCode::exhausted, "cannot get " + std::to_string(bytes) + " bytes of memory (" +
                                        std::system_category().message(error) +
                                        "): configure fewer connections, less memory for them, or fewer workers");
}

}  // namespace

Result<Mapping> Mapping::create(std::size_t bytes, bool prefault) {
  const bool large = bytes >= huge_page;
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) {
    return fail(ErrorCode::exhausted, "a mapping of " + std::to_string(bytes) + " bytes is larger than memory");
  }
  Mapping mapping;
  mapping.mapped_ = large ? bytes + huge_page : bytes;
  void* const base =
      mmap(nullptr, mapping.mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    mapping.mapped_ = 0;
    return no_memory(bytes, errno);
  }
  mapping.base_ = base;
  mapping.data_ = base;
  mapping.bytes_ = bytes;
  if (large) {
    const auto address = reinterpret_cast<std::uintptr_t>(base);
    mapping.data_ = static_cast<std::uint8_t*>(base) + ((huge_page - address % huge_page) % huge_page);
    static_cast<void>(madvise(mapping.data_, bytes, MADV_HUGEPAGE));  // advice only: small pages work too
  }
  if (const int error = prefault ? populate(mapping.data_, bytes) : 0; error != 0) return no_memory(bytes, error);
  return mapping;
}

Mapping::~Mapping() {
  if (base_ != nullptr) munmap(base_, mapped_);
}

}  // namespace iris::conn
