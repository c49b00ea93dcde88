// A capture played through a port: every packet, in order, over and over, and an end when asked for.
#include "daemon/source/player.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "tests/unit/daemon/source/eal_environment.hpp"

namespace iris::source {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class Play : public WithEal {
 protected:
  std::unique_ptr<Player> started(const PlayOptions& options) {
    Result<std::unique_ptr<Player>> player = Player::start(options, *pool_);
    if (!player) ADD_FAILURE() << player.error().message;
    return player ? *std::move(player) : nullptr;
  }
  Error refused(const PlayOptions& options) {
    const Result<std::unique_ptr<Player>> player = Player::start(options, *pool_);
    return player ? Error{ErrorCode::internal, "accepted"} : player.error();
  }

  // Receives until `count` packets are there, or all of a player that has finished.
  static std::vector<std::string> receive(Player& player, std::size_t count) {
    PortSource source = source_of(player.port());
    std::vector<std::string> all;
    while (all.size() < count) {
      const bool finished = player.finished();
      const std::vector<std::string> some = receive_texts(source, std::min<std::size_t>(32, count - all.size()));
      all.insert(all.end(), some.begin(), some.end());
      if (some.empty() && finished) break;
      if (some.empty()) std::this_thread::sleep_for(100us);
    }
    return all;
  }

  static std::string numbered(int count) {
    Pcap pcap;
    for (int i = 0; i < count; ++i) pcap.packet(1, 0, std::to_string(i));
    return pcap.text();
  }
};

constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();

TEST_F(Play, Once) {
  const auto player = started({.capture = write("a.pcap", numbered(5)), .loop = false, .speed = 0});
  EXPECT_THAT(receive(*player, everything), ElementsAre("0", "1", "2", "3", "4"));
  EXPECT_TRUE(player->finished());
  EXPECT_EQ(player->played(), 5u);
  EXPECT_EQ(player->skipped(), 0u);
  EXPECT_FALSE(player->error());
}

TEST_F(Play, OnlyEthernet) {
  const Error error = refused({.capture = write("a.pcap", Pcap(nanoseconds_magic, 101).packet(1, 0, "x").text())});
  EXPECT_EQ(error.code, ErrorCode::invalid);
  EXPECT_THAT(error.message, HasSubstr("a.pcap: its packets are not of Ethernet (EN10MB)"));
}

TEST_F(Play, OverAndOver) {
  const auto player = started({.capture = write("a.pcap", numbered(3)), .speed = 0, .ring_size = 8});
  const std::vector<std::string> texts = receive(*player, 1000);
  ASSERT_EQ(texts.size(), 1000u);
  for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(texts[i], std::to_string(i % 3));
  EXPECT_FALSE(player->finished());
}

TEST_F(Play, NothingIsLostWhenTheRingIsFull) {
  const auto player = started({.capture = write("a.pcap", numbered(5000)), .loop = false, .speed = 0, .ring_size = 16});
  const std::vector<std::string> texts = receive(*player, everything);
  ASSERT_EQ(texts.size(), 5000u);
  for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(texts[i], std::to_string(i));
}

TEST_F(Play, NothingIsLostWhenThePoolIsEmpty) {
  const auto player = started({.capture = write("a.pcap", numbered(3000)), .loop = false, .speed = 0});
  PortSource source = source_of(player->port());
  std::vector<PacketRef> held;
  std::vector<PacketRef> burst(32);
  while (held.size() < 1500) {
    const std::size_t count = source.receive(burst);
    held.insert(held.end(), burst.begin(), burst.begin() + static_cast<long>(count));
    if (count == 0) std::this_thread::sleep_for(100us);
  }
  source.release(held);
  EXPECT_EQ(receive(*player, everything).size(), 3000 - held.size());
}

TEST_F(Play, AtItsPace) {
  // Five gaps of half a second: at this speed, two milliseconds each.
  Pcap pcap;
  for (std::uint32_t i = 0; i < 6; ++i) pcap.packet(i / 2, i % 2 * 500'000'000, std::to_string(i));
  const auto begin = std::chrono::steady_clock::now();
  const auto player = started({.capture = write("a.pcap", pcap.text()), .loop = false, .speed = 250});
  EXPECT_EQ(receive(*player, everything).size(), 6u);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 10ms) << "five gaps: never earlier";
}

TEST_F(Play, ClocksThatStepBackAndLongGapsDoNotStopIt) {
  const auto player =
      started({.capture = write(
                   "a.pcap", Pcap().packet(1'000'000, 0, "a").packet(5, 0, "b").packet(4'000'000'000, 0, "c").text()),
               .loop = false,
               .speed = 1000});
  EXPECT_THAT(receive(*player, everything), ElementsAre("a", "b", "c"));
}

TEST_F(Play, LongFramesSpanBuffers) {
  const std::string jumbo(9000, 'j');
  const std::string longest(Pool::longest_packet, 'l');
  const auto file = write("a.pcap", Pcap().packet(1, 0, jumbo).packet(1, 0, longest).packet(1, 0, "short").text());
  const auto player = started({.capture = file, .loop = false, .speed = 0});
  EXPECT_THAT(receive(*player, everything), ElementsAre(jumbo, longest, "short"));
}

TEST_F(Play, FramesThatNoBufferHoldsAreSkipped) {
  const auto file = write(
      "a.pcap",
      Pcap().packet(1, 0, std::string(Pool::longest_packet + 1, 'x')).packet(1, 0, "", 60).packet(1, 0, "y").text());
  const auto player = started({.capture = file, .loop = false, .speed = 0});
  EXPECT_THAT(receive(*player, everything), ElementsAre("y"));
  EXPECT_EQ(player->skipped(), 2u);
}

TEST_F(Play, StopsWhileWaitingForAPacketsTime) {
  const auto player = started(
      {.capture = write("a.pcap", Pcap().packet(1, 0, "a").packet(4'000'000, 0, "b").text()), .speed = 0.000001});
  EXPECT_EQ(receive(*player, 1).size(), 1u);
  player->stop();
  EXPECT_TRUE(player->finished());
}

TEST_F(Play, StopsWhileTheRingIsFull) {
  const auto player = started({.capture = write("a.pcap", numbered(100)), .speed = 0, .ring_size = 16});
  while (player->played() < 15) std::this_thread::sleep_for(100us);
  player->stop();
  EXPECT_EQ(receive(*player, everything).size(), 15u) << "what was in the ring can still be received";
}

TEST_F(Play, EndsWithoutAnyoneReceiving) {
  for (int i = 0; i < 5; ++i) started({.capture = write("a.pcap", numbered(100)), .speed = 0});
}

TEST_F(Play, SeveralAtATime) {
  const auto a = started({.capture = write("a.pcap", numbered(10)), .speed = 0});
  const auto b = started({.capture = write("b.pcap", numbered(20)), .loop = false, .speed = 0});
  EXPECT_EQ(receive(*a, 100).size(), 100u);
  EXPECT_EQ(receive(*b, everything).size(), 20u);
}

TEST_F(Play, DamagedFilesArePlayedUpToThere) {
  const auto file = write("a.pcap", Pcap().packet(1, 0, "a").packet(1, 0, "b").cut(1));
  const auto once = started({.capture = file, .loop = false, .speed = 0});
  EXPECT_THAT(receive(*once, everything), ElementsAre("a"));
  ASSERT_TRUE(once->error());
  EXPECT_THAT(once->error()->message, HasSubstr("is damaged after 1 packets"));
  const auto looped = started({.capture = file, .speed = 0});
  EXPECT_THAT(receive(*looped, 3), ElementsAre("a", "a", "a"));
}

TEST_F(Play, CapturesWithoutPacketsEnd) {
  const auto player = started({.capture = write("a.pcap", Pcap().text()), .speed = 0});
  EXPECT_THAT(receive(*player, everything), ElementsAre());
  EXPECT_TRUE(player->finished());
}

TEST_F(Play, FilesThatDisappearEndIt) {
  const auto file = write("a.pcap", numbered(100));
  const auto player = started({.capture = file, .speed = 0, .ring_size = 16});
  std::filesystem::remove(file);
  receive(*player, everything);
  EXPECT_TRUE(player->finished());
  ASSERT_TRUE(player->error());
  EXPECT_EQ(player->error()->code, ErrorCode::not_found);
}

TEST_F(Play, Refusals) {
  EXPECT_EQ(refused({.capture = path_ / "none.pcap"}).code, ErrorCode::not_found);
  const auto file = write("a.pcap", numbered(1));
  for (const double speed : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(refused({.capture = file, .speed = speed}).message, HasSubstr("expected 0 or more"));
  }
  EXPECT_THAT(refused({.capture = file, .ring_size = 100}).message,
              AllOf(HasSubstr("a ring of 100 packets, could not be created"), HasSubstr("must be power of 2")));
}

}  // namespace
}  // namespace iris::source
