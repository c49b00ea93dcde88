#include "daemon/conn/slab.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

namespace iris::conn {
namespace {

TEST(Slab, ObjectsAreAlignedDisjointAndStay) {
  for (const SlabOptions options : {SlabOptions{1, 1, 100}, SlabOptions{24, 8, 100}, SlabOptions{200, 64, 100},
                                    SlabOptions{100'000, 16, 100}, SlabOptions{4096, 4096, 100}}) {
    Slab slab = Slab::create(options).value();
    std::mt19937 random(options.object_bytes);
    struct Object {
      void* address;
      std::uint8_t fill;
    };
    std::map<std::uint32_t, Object> live;
    for (int step = 0; step < 3000; ++step) {
      if (live.size() < options.capacity && random() % 2 == 0) {
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
  Slab slab = Slab::create({.object_bytes = 16, .capacity = 2}).value();
  const std::uint32_t first = slab.allocate();
  EXPECT_NE(slab.allocate(), no_index);
  EXPECT_EQ(slab.allocate(), no_index);
  EXPECT_EQ(slab.use().refused, 1U);
  slab.free(first);
  EXPECT_EQ(slab.allocate(), first);
}

TEST(Slab, SaysWhatIsUsedOfWhatIsReserved) {
  for (const bool prefault : {false, true}) {
    Slab slab = Slab::create({.object_bytes = 1000, .capacity = 5000, .prefault = prefault}).value();
    EXPECT_EQ(slab.use().used, 0U);
    EXPECT_EQ(slab.use().reserved, 5000U * 1008);
    for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(slab.allocate(), i);
    EXPECT_EQ(slab.use().used, 1000U * 1008);
    for (std::uint32_t i = 0; i < 1000; ++i) slab.free(i);
    EXPECT_EQ(slab.use().used, 0U);
    EXPECT_EQ(slab.size(), 0U);
  }
}

TEST(Slab, WhatWasFreedLastIsAllocatedFirst) {
  Slab slab = Slab::create({.object_bytes = 8, .capacity = 10}).value();
  const std::uint32_t first = slab.allocate();
  const std::uint32_t second = slab.allocate();
  slab.free(first);
  slab.free(second);
  EXPECT_EQ(slab.allocate(), second);
  EXPECT_EQ(slab.allocate(), first);
}

TEST(Slab, MoreThanThereIs) {
  const auto slab = Slab::create({.object_bytes = 1U << 30, .capacity = 1U << 31});
  ASSERT_FALSE(slab);
  EXPECT_EQ(slab.error().code, ErrorCode::exhausted);
}

}  // namespace
}  // namespace iris::conn
