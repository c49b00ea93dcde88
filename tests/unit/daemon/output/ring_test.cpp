#include "daemon/output/ring.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace iris::output {
namespace {

bool put(Ring& ring, std::string_view text) {
  std::byte* space = ring.reserve(text.size());
  if (space == nullptr) return false;
  if (!text.empty()) std::memcpy(space, text.data(), text.size());
  ring.commit();
  return true;
}

std::optional<std::string> take(Ring& ring) {
  const auto record = ring.front();
  if (!record) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(record->data()), record->size());
  ring.pop();
  return text;
}

TEST(Ring, FirstInFirstOut) {
  Ring ring(256);
  EXPECT_EQ(take(ring), std::nullopt);
  EXPECT_TRUE(put(ring, "one"));
  EXPECT_TRUE(put(ring, ""));
  EXPECT_TRUE(put(ring, "three"));
  EXPECT_EQ(take(ring), "one");
  EXPECT_EQ(take(ring), "");
  EXPECT_EQ(take(ring), "three");
  EXPECT_EQ(take(ring), std::nullopt);
}

TEST(Ring, NothingIsSeenBeforeCommit) {
  Ring ring(256);
  ASSERT_NE(ring.reserve(8), nullptr);
  EXPECT_EQ(take(ring), std::nullopt);
  EXPECT_TRUE(put(ring, "instead"));  // gives the first reservation up
  EXPECT_EQ(take(ring), "instead");
  EXPECT_EQ(take(ring), std::nullopt);
}

TEST(Ring, RefusesWhenFullAndGoesOnWhenEmptied) {
  Ring ring(256);
  int stored = 0;
  while (put(ring, "sixteen bytes!!!")) ++stored;
  EXPECT_EQ(stored, 256 / 24);
  EXPECT_EQ(take(ring), "sixteen bytes!!!");
  EXPECT_TRUE(put(ring, "sixteen bytes!!!"));
}

TEST(Ring, LargestRecordFitsAnEmptyRingAtEveryPosition) {
  Ring ring(256);
  const std::string large(ring.max_record(), 'x');
  for (int position = 0; position < 100; ++position) {
    ASSERT_TRUE(put(ring, large)) << position;
    ASSERT_EQ(take(ring), large);
    ASSERT_TRUE(put(ring, "step"));
    ASSERT_EQ(take(ring), "step");
  }
}

TEST(Ring, PositionsSayWhatWasConsumed) {
  Ring ring(256);
  EXPECT_EQ(ring.consumed(), ring.produced());
  put(ring, "one");
  const auto mark = ring.produced();
  put(ring, "two");
  EXPECT_LT(ring.consumed(), mark);
  static_cast<void>(take(ring));
  EXPECT_GE(ring.consumed(), mark);
  EXPECT_LT(ring.consumed(), ring.produced());
}

// Records of all sizes, each filled with its own number: any reordering, tearing or reuse before it was read shows.
TEST(Ring, TwoThreads) {
  constexpr std::uint32_t records = 200'000;
  Ring ring(4096);
  const auto size_of = [](std::uint32_t number) { return std::size_t{number} * 2654435761U % 900 / 4 * 4; };
  std::thread producer([&] {
    for (std::uint32_t i = 0; i < records; ++i) {
      std::byte* space = nullptr;
      while ((space = ring.reserve(size_of(i))) == nullptr) std::this_thread::yield();
      for (std::size_t at = 0; at < size_of(i); at += 4) std::memcpy(space + at, &i, 4);
      ring.commit();
    }
  });
  std::uint32_t wrong = 0;
  for (std::uint32_t i = 0; i < records; ++i) {
    std::optional<std::span<const std::byte>> record;
    while (!(record = ring.front())) std::this_thread::yield();
    wrong += record->size() != size_of(i);
    for (std::size_t at = 0; at < record->size(); at += 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, record->data() + at, 4);
      wrong += word != i;
    }
    ring.pop();
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_FALSE(ring.front());
}

}  // namespace
}  // namespace iris::output
