#include "daemon/conn/slab.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

namespace iris::conn {
namespace {

TEST(Slab, ObjectsAreAlignedDisjointAndStay) {
  for (const SlabOptions options : {SlabOptions{1, 1}, SlabOptions{24, 8}, SlabOptions{200, 64},
                                    SlabOptions{100'000, 16}, SlabOptions{4096, 4096}}) {
    Slab slab(options);
    std::mt19937 random(options.object_bytes);
    struct Object {
      void* address;
      std::uint8_t fill;
    };
    std::map<std::uint32_t, Object> live;
    for (int step = 0; step < 3000; ++step) {
      if (live.size() < 100 && random() % 2 == 0) {
        const std::uint32_t index = slab.allocate();
        ASSERT_NE(index, no_index);
        ASSERT_FALSE(live.contains(index));
        void* const address = slab.at(index);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(address) % options.alignment, 0U);
        const auto fill = static_cast<std::uint8_t>(random());
        std::memset(address, fill, options.object_bytes);
        live[index] = {address, fill};
      } else if (!live.empty()) {
        const auto object = std::next(live.begin(), static_cast<std::ptrdiff_t>(random() % live.size()));
        ASSERT_EQ(slab.at(object->first), object->second.address);
        const auto* const bytes = static_cast<const std::uint8_t*>(object->second.address);
        ASSERT_EQ(bytes[0], object->second.fill);
        ASSERT_EQ(bytes[options.object_bytes - 1], object->second.fill);
        slab.free(object->first);
        live.erase(object);
      }
      ASSERT_EQ(slab.size(), live.size());
    }
  }
}

TEST(Slab, RefusesBeyondItsCapacity) {
  Slab slab({.object_bytes = 16, .capacity = 2});
  const std::uint32_t first = slab.allocate();
  EXPECT_NE(slab.allocate(), no_index);
  EXPECT_EQ(slab.allocate(), no_index);
  slab.free(first);
  EXPECT_EQ(slab.allocate(), first);
}

TEST(Slab, GivesAllMemoryBackWhenEmpty) {
  Slab slab({.object_bytes = 1000});
  EXPECT_EQ(slab.memory_bytes(), 0U);
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(slab.allocate(), i);
  EXPECT_GE(slab.memory_bytes(), 1'000'000U);
  for (std::uint32_t i = 0; i < 1000; ++i) slab.free(i);
  EXPECT_EQ(slab.memory_bytes(), 0U);
  EXPECT_EQ(slab.allocate(), 0U);
  slab.free(0);
}

}  // namespace
}  // namespace iris::conn
