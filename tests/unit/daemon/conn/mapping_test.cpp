#include "daemon/conn/mapping.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace iris::conn {
namespace {

constexpr std::size_t megabyte = std::size_t{1} << 20;

std::size_t resident_pages(const Mapping& mapping) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((mapping.bytes() + page - 1) / page);
  if (mincore(mapping.data(), mapping.bytes(), pages.data()) != 0) return 0;
  std::size_t resident = 0;
  for (const unsigned char flags : pages) resident += flags & 1U;
  return resident;
}

TEST(Mapping, IsReservedOnly) {
  const Mapping mapping = Mapping::create(64 * megabyte, false).value();
  EXPECT_EQ(mapping.bytes(), 64 * megabyte);
  EXPECT_EQ(resident_pages(mapping), 0U);
}

TEST(Mapping, PrefaultedItIsThere) {
  for (const std::size_t bytes : {std::size_t{5000}, 8 * megabyte}) {
    const Mapping mapping = Mapping::create(bytes, true).value();
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    EXPECT_EQ(resident_pages(mapping), (bytes + page - 1) / page);
  }
}

TEST(Mapping, IsZeroedAndAlignedToHugePages) {
  const Mapping mapping = Mapping::create(8 * megabyte, false).value();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping.data()) % (2 * megabyte), 0U);
  const auto* const bytes = static_cast<const std::uint8_t*>(mapping.data());
  for (std::size_t i = 0; i < mapping.bytes(); i += 1000) ASSERT_EQ(bytes[i], 0);
}

TEST(Mapping, MovesWithItsMemory) {
  Mapping first = Mapping::create(megabyte, false).value();
  void* const data = first.data();
  const Mapping second = std::move(first);
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(second.bytes(), megabyte);
}

TEST(Mapping, MoreThanThereIs) {
  for (const std::size_t bytes : {~std::size_t{0}, std::size_t{1} << 60}) {
    const auto mapping = Mapping::create(bytes, false);
    ASSERT_FALSE(mapping);
    EXPECT_EQ(mapping.error().code, ErrorCode::exhausted);
  }
}

}  // namespace
}  // namespace iris::conn
