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

// MADV_POPULATE_WRITE needs Linux 5.14; writing to each page does the same.
void populate(void* data, std::size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  if (madvise(data, bytes, MADV_POPULATE_WRITE) == 0) return;
#endif
  auto* const pages = static_cast<volatile std::uint8_t*>(data);
  for (std::size_t at = 0; at < bytes; at += small_page) pages[at] = 0;
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
    return fail(ErrorCode::exhausted, "cannot map " + std::to_string(bytes) + " bytes of memory (" +
                                          std::system_category().message(errno) + "): configure fewer connections");
  }
  mapping.base_ = base;
  mapping.data_ = base;
  if (large) {
    const auto address = reinterpret_cast<std::uintptr_t>(base);
    mapping.data_ = static_cast<std::uint8_t*>(base) + ((huge_page - address % huge_page) % huge_page);
    static_cast<void>(madvise(mapping.data_, bytes, MADV_HUGEPAGE));  // advice only: small pages work too
  }
  if (prefault) populate(mapping.data_, bytes);
  return mapping;
}

Mapping::~Mapping() {
  if (base_ != nullptr) munmap(base_, mapped_);
}

}  // namespace iris::conn
