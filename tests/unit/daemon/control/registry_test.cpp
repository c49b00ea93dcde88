// Subscriptions as their authors see them, through the whole engine: compiled, merged, published, run on packets.
#include "daemon/control/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "daemon/worker/connections.hpp"
#include "tests/support/conversations.hpp"
#include "tests/support/rig.hpp"

namespace iris::control {
namespace {

using support::Conversations;
using support::Rig;
using testing::HasSubstr;

constexpr std::uint32_t conversation_packets = 12;

class RegistryTest : public testing::Test {
 protected:
  explicit RegistryTest(Straighten straighten = Straighten::behind)
      : rig_(holder_, {.capacity = 1U << 16}, straighten) {}

  // One conversation at a time: twelve packets, its hellos are the fourth and the fifth.
  void packets(unsigned count) {
    source::PacketRef packet;
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_EQ(traffic_.generate({&packet, 1}), 1U);
      packet.ts = packet.ts + pause_;
      now_ = packet.ts;
      rig_.process({&packet, 1});
    }
  }
  void conversations(unsigned count) { packets(count * conversation_packets); }
  // Until closed connections no longer wait for late packets.
  void linger() { rig_.tracker().expire(now_ + Duration{6'000'000'000}, 1'000'000); }
  Result<Added> add(const std::string& name, const std::string& body) {
    return rig_.registry().add(name, {name + ".cpp", "#include <iris/iris.hpp>\n" + body});
  }
  void must_add(const std::string& name, const std::string& body) {
    const auto added = add(name, body);
    ASSERT_TRUE(added.has_value()) << added.error().message;
  }
  std::string refusal(const std::string& name, const std::string& body) {
    const auto added = add(name, body);
    return added ? "added" : added.error().message;
  }

  Conversations traffic_{{.conversations = 1, .packets = conversation_packets}};
  source::MemorySource holder_{[](std::span<source::PacketRef>) { return std::size_t{0}; }};
  Rig rig_;
  Timestamp now_;   // of the latest packet
  Duration pause_;  // by which packets come later than they would
};

// Straight-line code decides from the first packet on.
class StraightTest : public RegistryTest {
 protected:
  StraightTest() : RegistryTest(Straighten::at_once) {}
};

const std::string names = R"(
struct Name { std::string_view sni; };
IRIS_CALLBACK("tcp.port = 443 and tls.sni contains 'example'")
void name(const iris::TlsHandshake& tls) { iris::emit(Name{tls.sni()}); }
)";

const std::string ends = R"(
struct End { iris::EndReason reason; std::uint64_t packets; };
IRIS_CALLBACK("tcp") void end(const iris::ConnRecord& r) {
  iris::emit(End{r.end, r.originator.packets + r.responder.packets});
}
)";

TEST_F(RegistryTest, RunsASessionCallbackOncePerHandshake) {
  must_add("names", names);
  conversations(3);
  const auto events = rig_.events("names");
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0]["sni"], "www.example.test");
}

TEST_F(RegistryTest, EvaluatesASharedPredicateOncePerConnection) {
  must_add("one", names);
  must_add("two", R"(
struct Name { std::string_view sni; };
IRIS_CALLBACK("tcp.port = 443 and tls.sni contains 'example' and not tls.version = 0x0304")
void name(const iris::TlsHandshake& tls) { iris::emit(Name{tls.sni()}); }
)");
  conversations(5);
  EXPECT_EQ(rig_.events("one").size(), 5U);
  EXPECT_EQ(rig_.events("two").size(), 5U);
  EXPECT_EQ(rig_.evaluations("port"), 5U);
  EXPECT_EQ(rig_.evaluations("sni"), 5U);
}

TEST_F(RegistryTest, DoesNotShowOlderConnectionsToANewSubscription) {
  packets(2);
  must_add("names", names);
  must_add("ends", ends);
  packets(conversation_packets - 2);
  EXPECT_TRUE(rig_.events("names").empty());
  EXPECT_TRUE(rig_.events("ends").empty());
  conversations(2);
  linger();
  EXPECT_EQ(rig_.events("names").size(), 2U);
  EXPECT_EQ(rig_.events("ends").size(), 2U);
}

TEST_F(RegistryTest, ExplainsTheTimeOfCallbacksThatTimersCall) {
  must_add("ends", ends);
  conversations(400);
  const auto called = [&] {
    const auto plan = rig_.registry().explain("ends");
    for (const PlanNodeInfo& node : plan->graphs.front().nodes) {
      if (!node.callbacks.empty()) return std::pair(node.callbacks.front().calls, node.callbacks.front().share);
    }
    return std::pair(std::uint64_t{0}, 0.0);
  };
  EXPECT_EQ(called().first, 0U);
  linger();
  EXPECT_EQ(called().first, 400U);
  EXPECT_GT(called().second, 0.0);
}

// Of four thousand connections with `names` live.
void check_shares(const PlanInfo& plan) {
  std::map<std::string, double> work;
  for (const WorkInfo& each : plan.work) work[each.name] = each.share;
  const GraphInfo& graph = plan.graphs.front();
  double nodes = 0;
  for (const PlanNodeInfo& node : graph.nodes) {
    EXPECT_EQ(node.reached, 4000U) << node.literal;
    EXPECT_GT(node.share, 0) << node.literal;
    nodes += node.share;
  }
  EXPECT_LE(nodes, work["plan"]);
  double lookups = 0;
  for (const LookupInfo& lookup : graph.lookups) {
    EXPECT_EQ(lookup.count, 4000U) << lookup.field;
    EXPECT_GT(lookup.share, 0) << lookup.field;
    lookups += lookup.share;
  }
  EXPECT_EQ(graph.lookups.size(), 4U) << "tcp, the port, tls, the name";
  EXPECT_LE(lookups, work["look-ups"]);
  double parsers = 0;
  for (const WorkInfo& parser : plan.parsers) parsers += parser.share;
  EXPECT_EQ(plan.parsers.size(), 2U) << "tls, and finding out that it is";
  EXPECT_NEAR(parsers, work["parsers"], 1e-9);
}

TEST_F(RegistryTest, ExplainsWhichPartsOfThePlanTakeTheTime) {
  must_add("names", names);
  conversations(4000);
  const auto plan = rig_.registry().explain({});
  ASSERT_TRUE(plan);
  check_shares(*plan);
}

TEST_F(StraightTest, ExplainsWhichPartsOfThePlanTakeTheTime) {
  must_add("names", names);
  conversations(4000);
  const auto plan = rig_.registry().explain({});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->graphs.front().straight);
  check_shares(*plan);
}

// A connection goes on in code of the other kind where it had come to in the first, and nobody is told twice.
TEST_F(RegistryTest, StraightLineCodeTakesOverBehindAChange) {
  const auto is_straight = [&] { return rig_.registry().explain({})->graphs.front().straight; };
  must_add("names", names);
  const std::uint32_t epoch = rig_.registry().status().epoch;
  conversations(10);
  packets(conversation_packets / 2);
  for (int i = 0; i < 500 && !is_straight(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(is_straight());
  EXPECT_EQ(rig_.registry().status().epoch, epoch) << "nothing has changed for anybody";
  EXPECT_EQ(rig_.publisher().current(0)->edition, 1U) << "look-ups served at first";
  packets(conversation_packets / 2);
  conversations(10);
  const auto plan = rig_.registry().explain({});
  for (const PlanNodeInfo& node : plan->graphs.front().nodes) EXPECT_EQ(node.reached, 21U) << node.literal;
  packets(3);
  must_add("more", names);
  packets(conversation_packets - 3);
  conversations(1);
  for (int i = 0; i < 500 && !is_straight(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(is_straight());
  EXPECT_EQ(rig_.publisher().current(0)->epoch, epoch + 1);
  EXPECT_EQ(rig_.publisher().current(0)->edition, 1U) << "look-ups served at first, once more";
  EXPECT_EQ(rig_.events("names").size(), 23U);
  EXPECT_EQ(rig_.events("more").size(), 1U) << "not of the connection that had begun";
}

TEST_F(StraightTest, ManyFiltersAreLookedUp) {
  const jit::Source source{.name = "names.cpp", .text = "#include <iris/iris.hpp>\n" + names, .stateless = true};
  std::vector<Narrowed> filters;
  filters.reserve(40);
  for (int i = 0; i < 40; ++i) {
    filters.push_back({"f" + std::to_string(i), "tls.sni = 'www" + std::to_string(i) + ".example.test'", {}});
  }
  ASSERT_TRUE(rig_.registry().add_batch(source, filters));
  EXPECT_FALSE(rig_.registry().explain({})->graphs.front().straight);
  ASSERT_TRUE(rig_.registry().remove_matching("f[1-3]*"));
  EXPECT_TRUE(rig_.registry().explain({})->graphs.front().straight);
}

TEST_F(RegistryTest, ExplainsWhatNoneAsksOfSessions) {
  must_add("names", names);
  must_add("without", R"(
struct Flow { std::uint16_t port; };
IRIS_CALLBACK("none(tls.sni = 'a.test' or tls.sni under 'c.test') and tcp") void
  without(const iris::FiveTuple& flow) {
    iris::emit(Flow{flow.responder.port});
  }
)");
  const auto plan = rig_.registry().explain("without");
  ASSERT_TRUE(plan);
  std::vector<std::string> indexes;
  for (const LookupInfo& lookup : plan->graphs.front().lookups) indexes.push_back(lookup.field + " " + lookup.op);
  EXPECT_THAT(indexes, testing::UnorderedElementsAre("ip.protocol =", "tls.sni =", "tls.sni under"));
}

TEST_F(RegistryTest, PutsIndexesTogetherBehindChanges) {
  const jit::Source source{.name = "names.cpp", .text = "#include <iris/iris.hpp>\n" + names, .stateless = true};
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<Narrowed> filters;
    for (int i = 0; i < 100; ++i) {
      const std::string text = i == 50 ? "exam" : std::to_string(100 * batch + i);
      filters.push_back({"f" + std::to_string(100 * batch + i), "tls.sni contains '" + text + "'", {}});
    }
    ASSERT_TRUE(rig_.registry().add_batch(source, filters));
  }
  constexpr std::uint32_t last_change = 4;
  for (int i = 0; i < 500 && rig_.registry().status().epoch == last_change; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GT(rig_.registry().status().epoch, last_change);
  conversations(1);
  for (const char* name : {"f50", "f150", "f250"}) EXPECT_EQ(rig_.events(name).size(), 1U) << name;
  EXPECT_TRUE(rig_.events("f51").empty());
}

TEST_F(RegistryTest, KeepsStateOverOtherPeoplesChanges) {
  must_add("ends", ends);
  packets(4);
  must_add("names", names);
  packets(4);
  ASSERT_TRUE(rig_.registry().remove("names").has_value());
  packets(conversation_packets - 8);
  EXPECT_TRUE(rig_.events("ends").empty());  // late packets may come
  linger();
  const auto events = rig_.events("ends");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["reason"], "fin");
  EXPECT_EQ(events[0]["packets"], conversation_packets);
}

TEST_F(RegistryTest, DeliversTheEndWithReasonRemoved) {
  must_add("ends", ends);
  packets(5);
  ASSERT_TRUE(rig_.registry().remove("ends").has_value());
  packets(1);
  const auto events = rig_.events("ends");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["reason"], "removed");
  EXPECT_EQ(events[0]["packets"], 5);
  conversations(1);
  EXPECT_EQ(rig_.events("ends").size(), 1U);
}

TEST_F(RegistryTest, EndsAnIdleConnectionAtItsTimeout) {
  must_add("ends", ends);
  packets(5);
  rig_.tracker().expire(now_ + Duration{299'000'000'000}, 1'000'000);
  EXPECT_TRUE(rig_.events("ends").empty());
  rig_.tracker().expire(now_ + Duration{301'000'000'000}, 1'000'000);
  const auto events = rig_.events("ends");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["reason"], "timeout");
  EXPECT_EQ(events[0]["packets"], 5);
}

TEST_F(RegistryTest, APacketAfterTheTimeoutBeginsAnotherConnection) {
  must_add("ends", ends);
  packets(5);
  pause_ = Duration{400'000'000'000};
  packets(1);
  const auto events = rig_.events("ends");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["reason"], "timeout");
  EXPECT_EQ(rig_.tracker().counters().begun.load(), 2U);
}

TEST_F(RegistryTest, AHandshakeThatNobodyAnswersEndsSooner) {
  must_add("ends", ends);
  packets(1);
  rig_.tracker().expire(now_ + Duration{6'000'000'000}, 1'000'000);
  EXPECT_EQ(rig_.events("ends").size(), 1U);
}

// Whether a connection exists depends on packets alone, not on who wants it.
TEST_F(RegistryTest, TracksConnectionsThatMayBeWanted) {
  must_add("port", R"(IRIS_CALLBACK("tcp.port = 443 and ipv6") void f(const iris::FiveTuple&) {})");
  conversations(3);
  linger();
  packets(4);
  EXPECT_EQ(rig_.tracker().counters().begun.load(), 4U);
  EXPECT_EQ(rig_.tracker().counters().ended.load(), 3U);
  EXPECT_EQ(rig_.tracker().counters().filtered.load(), 0U);
}

TEST_F(RegistryTest, LeavesOutWhatNobodyCanWant) {
  conversations(2);
  must_add("elsewhere",
           R"(IRIS_CALLBACK("tcp.port = 80 or udp or ip.addr in 198.18.0.0/15") void f(const iris::FiveTuple&) {})");
  conversations(2);
  EXPECT_EQ(rig_.tracker().counters().begun.load(), 0U);
  EXPECT_EQ(rig_.tracker().counters().filtered.load(), 4 * conversation_packets);
  must_add("names", names);
  conversations(1);
  EXPECT_EQ(rig_.tracker().counters().begun.load(), 1U);
  EXPECT_EQ(rig_.events("names").size(), 1U);
}

// Those that come later cannot tell it from one that begins when its packets are let pass.
TEST_F(RegistryTest, WhatWasLeftOutHasBegunBefore) {
  packets(1);  // SYN
  must_add("ends", ends);
  packets(conversation_packets - 1);  // from the SYN-ACK on
  linger();
  EXPECT_TRUE(rig_.events("ends").empty());
  packets(2);
  ASSERT_TRUE(rig_.registry().remove("ends").has_value());
  packets(2);  // left out
  must_add("again", ends);
  packets(conversation_packets - 4);
  linger();
  EXPECT_TRUE(rig_.events("again").empty());
  conversations(1);
  linger();
  EXPECT_EQ(rig_.events("again").size(), 1U);
}

// When it was silent for so long that it would be another anyway.
TEST_F(RegistryTest, WhatWasLeftOutIsForgotten) {
  packets(4);
  must_add("ends", ends);
  packets(1);
  pause_ = Duration{400'000'000'000};  // tcp_inactivity is 300 s
  packets(conversation_packets - 5);
  linger();
  ASSERT_EQ(rig_.events("ends").size(), 1U);
  EXPECT_EQ(rig_.events("ends").front()["packets"], conversation_packets - 5);
}

TEST_F(RegistryTest, WhoWasThereSeesWhatOthersCame) {
  must_add("all", R"(
struct Row { std::uint64_t packets; bool midstream; };
IRIS_CALLBACK("tcp") void f(const iris::ConnRecord& r) {
  iris::emit(Row{r.originator.packets + r.responder.packets, r.midstream});
})");
  rig_.adopt();
  source::PacketRef skipped;
  for (int i = 0; i < 3; ++i) ASSERT_EQ(traffic_.generate({&skipped, 1}), 1U);
  packets(3);
  must_add("ends", ends);
  packets(conversation_packets - 6);
  linger();
  ASSERT_EQ(rig_.events("all").size(), 1U);
  EXPECT_EQ(rig_.events("all").front()["midstream"], true);
  EXPECT_EQ(rig_.events("all").front()["packets"], conversation_packets - 3);
  EXPECT_TRUE(rig_.events("ends").empty());
}

TEST_F(RegistryTest, FreesRemovedCodeOnceNoConnectionKnowsIt) {
  must_add("ends", ends);
  packets(5);
  ASSERT_TRUE(rig_.registry().remove("ends").has_value());
  EXPECT_EQ(rig_.registry().status().retiring, 1U);
  packets(1);  // the connection adopts
  must_add("other", names);
  EXPECT_EQ(rig_.registry().status().retiring, 0U);
}

TEST_F(RegistryTest, UnsubscribesTheConnectionThatSaysNo) {
  must_add("three", R"(
struct Seen { unsigned packets; bool ended; };
struct IRIS_CALLBACK("tcp") Three {
  unsigned packets = 0;
  IRIS_ON(InL4Conn) bool update(const iris::L4Pdu&) {
    if (++packets == 3) iris::emit(Seen{packets, false});
    return packets < 3;
  }
  IRIS_ON(L4Terminated) void end() { iris::emit(Seen{packets, true}); }
};
)");
  conversations(2);
  const auto events = rig_.events("three");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["packets"], 3);
  EXPECT_EQ(events[0]["ended"], false);
}

TEST_F(RegistryTest, SurvivesExceptionsOfUserCode) {
  must_add("thrower", R"(
IRIS_CALLBACK("tls") void name(const iris::TlsHandshake& tls) { throw std::string(tls.sni()); }
)");
  must_add("names", names);
  conversations(2);
  EXPECT_EQ(rig_.events("names").size(), 2U);
  EXPECT_EQ(rig_.registry().list().front().callbacks.front().calls, 2U);
}

TEST_F(RegistryTest, DeliversStreamBytesOnce) {
  must_add("bytes", R"(
struct Bytes { std::uint64_t bytes; };
struct IRIS_CALLBACK("tcp") Count {
  std::uint64_t bytes = 0;
  IRIS_ON(InL4Stream) void update(const iris::L4Pdu& pdu) { bytes += pdu.payload.size(); }
  IRIS_ON(L4Terminated) void end(const iris::ConnRecord& r) {
    iris::emit(Bytes{r.originator.payload_bytes + r.responder.payload_bytes - bytes});
  }
};
)");
  conversations(1);
  linger();
  const auto events = rig_.events("bytes");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["bytes"], 0);
}

TEST_F(RegistryTest, RefusesANameInUse) {
  must_add("names", names);
  EXPECT_THAT(refusal("names", ends), HasSubstr("'names' is live already"));
  EXPECT_THAT(refusal("no/slash", ends), HasSubstr("cannot name a subscription"));
  conversations(1);
  EXPECT_EQ(rig_.events("names").size(), 1U);
}

TEST_F(RegistryTest, RefusesToRemoveWhatIsNotThere) {
  EXPECT_THAT(rig_.registry().remove("names").error().message, HasSubstr("there are none"));
  must_add("names", names);
  const auto removed = rig_.registry().remove("nmaes");
  ASSERT_FALSE(removed.has_value());
  EXPECT_EQ(removed.error().code, ErrorCode::not_found);
  EXPECT_THAT(removed.error().message, HasSubstr("did you mean 'names'?"));
}

TEST_F(RegistryTest, LeavesTheOthersRunningWhenASourceIsRefused) {
  must_add("names", names);
  EXPECT_THAT(refusal("broken", "IRIS_CALLBACK(\"tls\") void f(const iris::TlsHandshake& tls) { oops; }"),
              HasSubstr("broken.cpp:2:"));
  EXPECT_THAT(refusal("regex", "IRIS_CALLBACK(\"tls.sni matches '('\") void f(const iris::FiveTuple&) {}"),
              HasSubstr("("));
  EXPECT_THAT(refusal("shell",
                      "#include <cstdlib>\nIRIS_CALLBACK(\"tls\") void f(const iris::FiveTuple&) "
                      "{ if (std::system(\"true\") != 0) throw 1; }"),
              HasSubstr("system"));
  conversations(1);
  EXPECT_EQ(rig_.events("names").size(), 1U);
  EXPECT_EQ(rig_.registry().list().size(), 1U);
  must_add("broken", ends);
}

TEST_F(RegistryTest, ChecksWithoutAdding) {
  EXPECT_TRUE(rig_.registry().check({"names.cpp", "#include <iris/iris.hpp>\n" + names}).has_value());
  EXPECT_FALSE(rig_.registry().check({"names.cpp", "int x"}).has_value());
  EXPECT_TRUE(rig_.registry().list().empty());
}

// Where one pipeline was, another may come to be: they are told apart by their epochs.
TEST_F(RegistryTest, AWorkerThatWasAwayDuringSeveralChangesTakesUpTheLast) {
  worker::Connections connections(0, rig_.publisher(), rig_.tracker());
  connections.online();
  std::uint32_t epoch = connections.epoch();
  for (int round = 0; round < 20; ++round) {
    connections.pause();
    must_add("one", names);
    must_add("two", names);
    ASSERT_TRUE(rig_.registry().remove("one"));
    ASSERT_TRUE(rig_.registry().remove("two"));
    epoch += 4;
    connections.resume();
    connections.adopt();
    ASSERT_EQ(connections.epoch(), epoch);
    connections.advance(now_, true);
  }
  connections.finish();
}

}  // namespace
}  // namespace iris::control
