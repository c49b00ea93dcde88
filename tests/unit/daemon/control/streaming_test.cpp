// Streaming predicates, through the whole engine: decided as soon as growth cannot change them, or at the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/daemon/control/one_conversation.hpp"

namespace iris::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// How many packets it saw from the one on with which it matched.
const jit::Source counter{.name = "counter.cpp",
                          .text = R"(#include <iris/iris.hpp>
struct Seen { std::uint64_t packets; };
struct IRIS_CALLBACK("tcp") Count {
  std::uint64_t packets = 0;
  IRIS_ON(InL4Conn) void update(const iris::L4Pdu&) { ++packets; }
  IRIS_ON(L4Terminated) void end() { iris::emit(Seen{packets}); }
};
)",
                          .stateless = true};

const jit::Source names{.name = "names.cpp",
                        .text = R"(#include <iris/iris.hpp>
struct Name { std::string_view sni; };
IRIS_CALLBACK("tls") void at_headers(const iris::TlsHandshake& tls) { iris::emit(Name{tls.sni()}); }
IRIS_CALLBACK("tls") IRIS_ON(L7EndSession)
void at_end(const iris::TlsHandshake& tls) { iris::emit(Name{tls.sni()}); }
)",
                        .stateless = true};

class Streaming : public OneConversation {};

TEST_F(Streaming, MatchesWithThePacketThatDecides) {
  const Cases cases{
      {"conn.packets >= 1", 12},
      {"conn.packets > 5", 7},
      {"not conn.packets <= 5", 7},
      {"conn.packets <= 5", std::nullopt},
      {"conn.packets <= 12", 0},
      {"conn.packets != 12", std::nullopt},
      {"conn.packets in 3..8", std::nullopt},
      {"not conn.packets in 3..8", 4},
      {"conn.packets > 3 and conn.packets > 6", 6},
      {"conn.packets > 3 and conn.orig_packets > 6", 1},
      {"conn.orig_packets > 3", 7},
      {"conn.resp_packets >= 5", 2},
      {"conn.duration > 1s", 6},
      {"conn.duration >= 1s", 7},
      {"conn.duration < 2200ms", std::nullopt},
      {"conn.payload_bytes >= 64", 9},
      {"conn.payload_bytes < 10", std::nullopt},
      {"tls and conn.packets > 8", 4},
      {"not tls and conn.packets > 2", std::nullopt},
      {"udp or conn.packets > 10", 2},
      {"tcp.port = 443 and conn.packets > 11", 1},
      // Known with the ServerHello, whose own packet was shown before.
      {"tls.sni = 'www.example.test' and conn.packets > 2", 7},
      {"tls.sni = 'www.example.test' and conn.packets > 7", 5},
      {"tls.sni = 'www.example.test' and not conn.packets > 7", std::nullopt},
      {"tls.sni = 'www.example.org' and conn.packets > 2", std::nullopt},
      {"none(tls.sni = 'www.example.test')", std::nullopt},
      {"none(tls.sni = 'www.example.org')", 0},
      {"not none(tls.sni = 'www.example.test')", 7},
      {"not none(tls.sni = 'www.example.org')", std::nullopt},
      {"none(not tls.sni = 'www.example.test')", 0},
      {"none(tls.sni = 'www.example.test' and not tls.version)", 0},
      {"none(tls.sni = 'www.example.test' and tls.version)", std::nullopt},
      {"none(http.host = 'x')", 8},  // with the ClientHello, whose own packet was shown before
      {"none(quic.sni = 'x')", 12},
      {"none(http.host = 'x') and conn.packets > 7", 5},
  };
  expect_seen(counter, cases);
}

TEST_F(Streaming, SessionsAreToldLate) {
  add("late", names, "conn.packets > 8");
  add("at_the_end", names, "conn.packets < 100");
  add("never", names, "conn.packets > 100");
  const auto told = [&](const std::string& name) {
    std::vector<std::string> seen;
    for (const auto& event : rig_.events(name)) seen.push_back(event["sni"]);
    return seen;
  };
  packets(8);
  EXPECT_THAT(told("late"), IsEmpty());
  packets(1);
  EXPECT_THAT(told("late"), ElementsAre("www.example.test", "www.example.test"));
  packets(3);
  EXPECT_THAT(told("at_the_end"), IsEmpty());
  linger();
  EXPECT_THAT(told("late"), ElementsAre("www.example.test", "www.example.test"));
  EXPECT_THAT(told("at_the_end"), ElementsAre("www.example.test", "www.example.test"));
  EXPECT_THAT(told("never"), IsEmpty());
}

TEST_F(Streaming, OthersThatWaitTakeNobodysPlace) {
  for (int i = 0; i < 100; ++i)
    add("other" + std::to_string(i), counter, "conn.bytes > " + std::to_string(i + 9999999));
  add("told", names, "conn.packets > 8");
  add("once", counter, "tls.sni = 'www.example.test' and conn.packets > 8");
  conversation();
  EXPECT_EQ(rig_.events("told").size(), 2U);
  EXPECT_EQ(rig_.events("once").size(), 1U);
}

TEST_F(Streaming, WhatIsRemovedMeanwhileIsLetGoOf) {
  add("gone", names, "conn.packets > 8");
  add("stays", counter, "conn.packets > 8");
  packets(6);
  ASSERT_TRUE(rig_.registry().remove("gone"));
  add("younger", counter, "conn.packets > 8");
  packets(6);
  linger();
  EXPECT_THAT(rig_.events("gone"), IsEmpty());
  EXPECT_THAT(rig_.events("younger"), IsEmpty()) << "it came when the connection had begun";
  EXPECT_EQ(rig_.events("stays").size(), 1U);
}

TEST_F(Streaming, NobodyWatchesWhatIsDecided) {
  add("few", counter, "conn.packets < 3");
  packets(2);
  EXPECT_NE(rig_.tracker().memory().cold.used, 0U);
  packets(2);
  EXPECT_EQ(rig_.tracker().memory().cold.used, 0U) << "its packets cost a look-up";
}

// What its alternatives ask for in common can no longer be, before it is known what the connection speaks.
TEST_F(Streaming, NobodyParsesForWhatCanNoLongerBe) {
  add("sessions", names, "conn.packets < 3");
  add("callback", counter, "tls.sni = 'x' and conn.packets < 3 and conn.bytes < 9999 or ssh and conn.packets < 3");
  packets(2);
  EXPECT_NE(rig_.tracker().memory().cold.used, 0U);
  packets(2);
  EXPECT_EQ(rig_.tracker().memory().cold.used, 0U) << "its packets cost a look-up";
  packets(conversation_packets - 4);
  linger();
  add("another", names, "conn.packets < 3 or conn.packets > 4");
  packets(4);
  EXPECT_NE(rig_.tracker().memory().cold.used, 0U) << "one alternative is left";
  packets(conversation_packets - 4);
  EXPECT_EQ(rig_.events("another").size(), 2U);
  EXPECT_THAT(rig_.events("sessions"), IsEmpty());
}

}  // namespace
}  // namespace iris::control
