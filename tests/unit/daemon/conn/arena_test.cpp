#include "daemon/conn/arena.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace iris::conn {
namespace {

BlockPool pool_of(const BlockLimits& limits) { return BlockPool::create(limits).value(); }

TEST(ConnectionArena, TakesNothingBeforeItIsUsed) {
  BlockPool pool = pool_of({.total_bytes = 1 << 24});
  const ConnectionArena arena(pool);
  EXPECT_EQ(arena.bytes(), 0U);
  EXPECT_EQ(pool.use().used, 0U);
}

TEST(ConnectionArena, MemoryIsAlignedDisjointAndOneConnections) {
  BlockPool pool = pool_of({.total_bytes = 1 << 24, .arena_bytes = 1 << 20});
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    ConnectionArena arena(pool);
    struct Piece {
      std::uint8_t* data;
      std::size_t size;
      std::uint8_t fill;
    };
    std::vector<Piece> pieces;
    for (int i = 0; i < 200; ++i) {
      const std::size_t size = random() % 20 == 0 ? random() % 9000 : random() % 100;
      const std::size_t alignment = std::size_t{1} << random() % 8;
      auto* const data = static_cast<std::uint8_t*>(arena.allocate(size, alignment));
      ASSERT_NE(data, nullptr);
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(data) % alignment, 0U);
      const auto fill = static_cast<std::uint8_t>(random());
      std::memset(data, fill, size);
      pieces.push_back({data, size, fill});
    }
    for (const Piece& piece : pieces) {
      for (std::size_t i = 0; i < piece.size; ++i) ASSERT_EQ(piece.data[i], piece.fill);
    }
    EXPECT_EQ(pool.use().used, arena.bytes());
  }
  EXPECT_EQ(pool.use().used, 0U);
}

TEST(ConnectionArena, StopsAtItsCap) {
  BlockPool pool = pool_of({.block_bytes = 1024, .total_bytes = 1 << 20, .arena_bytes = 10240});
  ConnectionArena arena(pool);
  std::size_t allocated = 0;
  while (arena.allocate(100, 8) != nullptr) allocated += 100;
  EXPECT_GE(allocated, 8192U);
  EXPECT_EQ(arena.bytes(), 10240U);
  EXPECT_EQ(arena.allocate(std::size_t{1} << 40, 8), nullptr);
  EXPECT_EQ(arena.allocate(~std::size_t{0}, 8), nullptr);
  arena.free_all();
  EXPECT_EQ(arena.bytes(), 0U);
  EXPECT_EQ(arena.allocate(10240, 8), nullptr);  // with its header it is more than the cap
  EXPECT_NE(arena.allocate(9216, 8), nullptr);
}

TEST(ConnectionArena, LargeRequestsLeaveTheRestOfABlock) {
  BlockPool pool = pool_of({.block_bytes = 1024, .total_bytes = 1 << 20});
  ConnectionArena arena(pool);
  ASSERT_NE(arena.allocate(10, 1), nullptr);
  ASSERT_NE(arena.allocate(5000, 8), nullptr);
  const std::uint32_t bytes = arena.bytes();
  ASSERT_NE(arena.allocate(500, 1), nullptr);
  EXPECT_EQ(arena.bytes(), bytes);
}

TEST(ConnectionArena, WhatALargeRequestLeavesServes) {
  BlockPool pool = pool_of({.block_bytes = 1024, .total_bytes = 1 << 20});
  ConnectionArena arena(pool);
  ASSERT_NE(arena.allocate(1100, 1), nullptr);
  const std::uint32_t bytes = arena.bytes();
  EXPECT_EQ(bytes, 2048U);
  ASSERT_NE(arena.allocate(900, 1), nullptr);
  EXPECT_EQ(arena.bytes(), bytes);
}

// A buffer that grows by doubling, as parsers' do, has to fit the cap without losing half of it to rounding.
TEST(ConnectionArena, RoundsUpToBlocksOnly) {
  BlockPool pool = pool_of({.total_bytes = 1 << 24});
  ConnectionArena arena(pool);
  for (std::size_t size = 16 << 10; size <= 128 << 10; size *= 2) EXPECT_NE(arena.allocate(size, 16), nullptr) << size;
  EXPECT_LE(arena.bytes(), 256U << 10);
}

TEST(BlockPool, LimitsAllArenasTogether) {
  BlockPool pool = pool_of({.block_bytes = 1024, .total_bytes = 4096});
  {
    ConnectionArena first(pool);
    ConnectionArena second(pool);
    EXPECT_NE(first.allocate(2900, 1), nullptr);
    EXPECT_NE(second.allocate(500, 1), nullptr);
    EXPECT_EQ(second.allocate(1000, 1), nullptr);
    EXPECT_EQ(pool.use().refused, 1U);
    first.free_all();
    EXPECT_NE(second.allocate(1000, 1), nullptr);
    EXPECT_NE(second.allocate(900, 1), nullptr);
  }
  EXPECT_EQ(pool.use().used, 0U);
  EXPECT_EQ(pool.use().reserved, 4096U);
}

}  // namespace
}  // namespace iris::conn
