#include "daemon/conn/block_cache.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <vector>

namespace iris::conn {
namespace {

BlockCache cache(const BlockOptions& options) { return BlockCache::create(options).value(); }

TEST(BlockCache, BlocksAreAlignedDisjointAndKeepTheirContent) {
  BlockCache blocks = cache({.bytes = 1 << 20, .largest = 1 << 16});
  std::mt19937 random(1);
  struct Block {
    std::size_t bytes;
    std::uint8_t fill;
  };
  std::map<std::uint8_t*, Block> live;
  std::uint64_t used = 0;
  for (int step = 0; step < 30'000; ++step) {
    if (random() % 2 == 0) {
      const std::size_t bytes = 1 + random() % (std::size_t{1} << random() % 17);
      auto* const block = static_cast<std::uint8_t*>(blocks.take(bytes));
      if (block == nullptr) continue;
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % BlockCache::alignment, 0U);
      const auto next = live.upper_bound(block);
      if (next != live.end()) ASSERT_LE(block + bytes, next->first);
      if (next != live.begin()) ASSERT_LE(std::prev(next)->first + std::prev(next)->second.bytes, block);
      const auto fill = static_cast<std::uint8_t>(random());
      std::memset(block, fill, bytes);
      live[block] = {bytes, fill};
      used += (bytes + 63) / 64 * 64;
    } else if (!live.empty()) {
      const auto found = std::next(live.begin(), static_cast<std::ptrdiff_t>(random() % live.size()));
      const auto [bytes, fill] = found->second;
      for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(found->first[i], fill);
      blocks.give(found->first, bytes);
      live.erase(found);
      used -= (bytes + 63) / 64 * 64;
    }
    ASSERT_EQ(blocks.use().used, used);
  }
  EXPECT_GT(blocks.use().refused, 0U);  // it was full at times
  for (const auto& [block, of] : live) blocks.give(block, of.bytes);
  // Whatever the order in which they were cut, all blocks become whole again.
  for (int i = 0; i < 16; ++i) EXPECT_NE(blocks.take(1 << 16), nullptr) << i;
  EXPECT_EQ(blocks.take(1), nullptr);
}

TEST(BlockCache, ExhaustionIsCounted) {
  BlockCache blocks = cache({.bytes = 256, .largest = 256});
  EXPECT_EQ(blocks.use().reserved, 256U);
  std::vector<void*> taken;
  for (int i = 0; i < 4; ++i) taken.push_back(blocks.take(64));
  EXPECT_EQ(blocks.take(64), nullptr);
  EXPECT_EQ(blocks.use().refused, 1U);
  EXPECT_EQ(blocks.use().used, 256U);
  blocks.give(taken[2], 64);
  EXPECT_EQ(blocks.take(128), nullptr);  // there are 64 bytes
  EXPECT_EQ(blocks.take(64), taken[2]);
  EXPECT_EQ(blocks.use().refused, 2U);
}

TEST(BlockCache, MoreThanTheLargestIsRefused) {
  BlockCache blocks = cache({.bytes = 1 << 20, .largest = 1 << 12});
  EXPECT_EQ(blocks.largest(), 4096U);
  EXPECT_EQ(blocks.take(4097), nullptr);
  EXPECT_EQ(blocks.take(~std::size_t{0}), nullptr);
  EXPECT_EQ(blocks.use().refused, 2U);
  EXPECT_NE(blocks.take(4096), nullptr);
}

TEST(BlockCache, WhatWasFreedLastIsTakenFirst) {
  BlockCache blocks = cache({.bytes = 1 << 20});
  void* const first = blocks.take(128);
  void* const second = blocks.take(128);
  blocks.give(first, 128);
  blocks.give(second, 128);
  EXPECT_EQ(blocks.take(128), second);
  EXPECT_EQ(blocks.take(128), first);
}

TEST(BlockCache, OddSizesTakeNoMoreThanTheirRoundedSize) {
  BlockCache blocks = cache({.bytes = 1 << 12, .largest = 1 << 12});
  void* const large = blocks.take(33 * 64);  // more than half
  EXPECT_EQ(blocks.use().used, 33U * 64);
  std::vector<void*> rest;
  while (void* const block = blocks.take(64)) rest.push_back(block);
  EXPECT_EQ(rest.size(), 31U);
  for (void* const block : rest) blocks.give(block, 64);
  blocks.give(large, 33 * 64);
  EXPECT_NE(blocks.take(1 << 12), nullptr);
}

TEST(BlockCache, SizesThatMakeNoSense) {
  EXPECT_EQ(BlockCache::create({.bytes = 63}).error().code, ErrorCode::invalid);
  EXPECT_EQ(BlockCache::create({.bytes = std::size_t{1} << 62}).error().code, ErrorCode::exhausted);
  EXPECT_EQ(cache({.bytes = 5000, .largest = 1 << 20}).use().reserved, 4096U);
}

}  // namespace
}  // namespace iris::conn
