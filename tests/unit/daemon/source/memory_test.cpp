// Packets from memory: order, passes, and time that goes on.
#include "daemon/source/memory.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <string>

namespace iris::source {
namespace {

using ::testing::ElementsAre;

std::vector<Frame> three_frames() { return {{{'a'}, {100}}, {{'b', 'b'}, {150}}, {{'c', 'c', 'c'}, {200}}}; }

std::vector<std::pair<std::string, std::uint64_t>> all(MemorySource& source, std::size_t burst_size) {
  std::vector<std::pair<std::string, std::uint64_t>> seen;
  std::vector<PacketRef> burst(burst_size);
  while (!source.exhausted()) {
    const std::span<const PacketRef> received(burst.data(), source.receive(burst));
    for (const PacketRef& packet : received) {
      source.hold(packet);
      seen.emplace_back(std::string(packet.bytes().begin(), packet.bytes().end()), packet.ts.nanoseconds);
    }
    source.release(received);
  }
  return seen;
}

TEST(MemorySource, OnePass) {
  MemorySource source(three_frames());
  EXPECT_EQ(source.now(), Timestamp{0});
  EXPECT_THAT(all(source, 2), ElementsAre(std::pair("a", 100), std::pair("bb", 150), std::pair("ccc", 200)));
  EXPECT_EQ(source.now(), Timestamp{200});
  EXPECT_EQ(source.counters().packets, 3u);
  EXPECT_EQ(source.counters().bytes, 6u);
}

TEST(MemorySource, LaterPassesAreLater) {
  MemorySource source(three_frames(), 2, {10});
  EXPECT_THAT(all(source, 4), ElementsAre(std::pair("a", 100), std::pair("bb", 150), std::pair("ccc", 200),
                                          std::pair("a", 210), std::pair("bb", 260), std::pair("ccc", 310)));
}

TEST(MemorySource, BurstsGoOnOverPasses) {
  MemorySource source(three_frames(), MemorySource::forever);
  std::vector<PacketRef> burst(64);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(source.receive(burst), 64u);
  EXPECT_FALSE(source.exhausted());
  EXPECT_EQ(source.counters().packets, 6400u);
}

TEST(MemorySource, FramesBeginACacheLine) {
  MemorySource source(three_frames());
  std::vector<PacketRef> burst(3);
  ASSERT_EQ(source.receive(burst), 3u);
  for (const PacketRef& packet : burst) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(packet.data) % 64, 0u);
}

TEST(MemorySource, NothingToPlay) {
  EXPECT_TRUE(MemorySource(std::span<const Frame>{}).exhausted());
  EXPECT_TRUE(MemorySource(three_frames(), 0).exhausted());
  MemorySource source(three_frames());
  EXPECT_EQ(source.receive({}), 0u);
  EXPECT_FALSE(source.exhausted());
}

TEST(MemorySource, Generator) {
  const std::uint8_t byte = 'x';
  std::size_t left = 5;
  MemorySource source([&](std::span<PacketRef> burst) {
    const std::size_t count = std::min(left, burst.size());
    for (PacketRef& packet : burst.first(count)) packet = {&byte, 1, 1, {left--}, nullptr};
    return count;
  });
  EXPECT_THAT(all(source, 3), ElementsAre(std::pair("x", 5), std::pair("x", 4), std::pair("x", 3), std::pair("x", 2),
                                          std::pair("x", 1)));
  EXPECT_TRUE(source.exhausted());
  EXPECT_EQ(source.counters().bytes, 5u);
  EXPECT_EQ(source.now(), Timestamp{1});
}

TEST(MemorySource, ComposedPacketsAreCounted) {
  MemorySource source(three_frames());
  std::vector<PacketRef> packets(1);
  ASSERT_EQ(source.receive(packets), 1u);
  for (const std::uint32_t length : {1u, 1984u, 16321u, longest_composed}) {
    const Room room = source.compose(length);
    ASSERT_NE(room.data, nullptr);
    std::memset(room.data, 'x', length);
    packets.push_back({room.data, length, length, {}, room.handle});
  }
  EXPECT_EQ(source.in_use(), 4u);
  source.hold(packets[0]);
  source.hold(packets[1]);
  source.release(packets);
  EXPECT_EQ(source.in_use(), 1u);
  EXPECT_EQ(packets[1].data[0], 'x');
  source.release(std::span(packets).first(2));
  EXPECT_EQ(source.in_use(), 0u);
}

TEST(MemorySource, ComposesNothingLongerThanADatagram) {
  MemorySource source(three_frames());
  const Room room = source.compose(longest_composed + 1);
  EXPECT_EQ(room.data, nullptr);
  EXPECT_EQ(room.handle, nullptr);
  EXPECT_EQ(source.in_use(), 0u);
}

}  // namespace
}  // namespace iris::source
