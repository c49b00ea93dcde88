// Filters of the author's own, through the whole engine: when they are asked, what their answers make of callbacks, and
// what becomes of their objects.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <thread>

#include "tests/unit/daemon/control/one_conversation.hpp"

namespace iris::control {
namespace {

using testing::IsEmpty;

// One at each event, and a callback that tells how many packets it saw from the one on with which it matched.
const jit::Source source{.name = "own.cpp",
                         .text = R"(#include <iris/iris.hpp>
using enum iris::FilterResult;
using iris::FilterResult;

IRIS_FILTER FilterResult to_443(const iris::FiveTuple& flow) { return flow.responder.port == 443 ? Accept : Drop; }
IRIS_FILTER IRIS_ON(L4EndHshk) FilterResult opened(const iris::FiveTuple&) { return Accept; }
IRIS_FILTER FilterResult known(const iris::Service& service) { return service.name ? Accept : Drop; }
IRIS_FILTER FilterResult example(const iris::TlsHandshake& tls) {
  return tls.sni() == "www.example.test" ? Accept : Drop;
}
IRIS_FILTER FilterResult undecided(const iris::TlsHandshake&) { return Continue; }
IRIS_FILTER FilterResult closed(const iris::ConnRecord& record) {
  return record.end == iris::EndReason::fin ? Accept : Drop;
}
IRIS_FILTER IRIS_ON(InL4Conn) FilterResult data(const iris::L4Pdu& pdu) {
  return pdu.payload.size() == 64 ? Accept : Continue;
}
struct IRIS_FILTER fifth {
  unsigned packets = 0;
  IRIS_ON(InL4Conn) FilterResult update(const iris::L4Pdu&) { return ++packets == 5 ? Accept : Continue; }
};
struct IRIS_FILTER five {
  unsigned packets = 0;
  IRIS_ON(InL4Conn) FilterResult update(const iris::L4Pdu&) { return ++packets > 5 ? Drop : Continue; }
  IRIS_ON(L4Terminated) FilterResult end() { return Accept; }
};
struct IRIS_FILTER bytes {
  std::size_t bytes = 0;
  IRIS_ON(InL4Stream) FilterResult take(const iris::L4Pdu& pdu) {
    return (bytes += pdu.payload.size()) > 0 ? Accept : Continue;
  }
};
struct IRIS_FILTER handshakes {
  std::string sni;
  IRIS_ON(L7EndHdrs) FilterResult begun(const iris::TlsHandshake& tls) {
    sni = tls.sni();
    return Continue;
  }
  IRIS_ON(L7EndSession) FilterResult ended(const iris::TlsHandshake& tls) { return tls.sni() == sni ? Accept : Drop; }
};
struct IRIS_FILTER never {
  std::vector<int> some{1, 2, 3};
  IRIS_ON(InL4Conn) FilterResult update(const iris::L4Pdu&) { return Continue; }
};
struct IRIS_FILTER thrower {
  IRIS_ON(InL4Conn) FilterResult update(const iris::L4Pdu& pdu) {
    if (pdu.payload.size() == 64) throw 1;
    return Continue;
  }
};

struct Seen { std::uint64_t packets; };
struct IRIS_CALLBACK("tcp") Count {
  std::uint64_t packets = 0;
  IRIS_ON(InL4Conn) void update(const iris::L4Pdu&) { ++packets; }
  IRIS_ON(L4Terminated) void end() { iris::emit(Seen{packets}); }
};
)",
                         .stateless = true};

// Tells of sessions.
const jit::Source names{.name = "names.cpp", .text = R"(#include <iris/iris.hpp>
using enum iris::FilterResult;
struct Name { std::string_view sni; };
IRIS_CALLBACK("example and not chatty") void f(const iris::TlsHandshake& tls) { iris::emit(Name{tls.sni()}); }
IRIS_FILTER iris::FilterResult example(const iris::TlsHandshake& tls) {
  return tls.sni() == "www.example.test" ? Accept : Drop;
}
struct IRIS_FILTER chatty {
  unsigned packets = 0;
  IRIS_ON(InL4Conn) iris::FilterResult update(const iris::L4Pdu&) { return ++packets > 8 ? Drop : Continue; }
};
)"};

class UserFilters : public OneConversation {};

TEST_F(UserFilters, AreAskedAtTheirEvents) {
  const Cases cases{
      {"to_443", 12},
      {"not to_443", std::nullopt},
      {"opened", 10},
      {"data", 7},
      {"fifth", 8},
      {"not fifth", std::nullopt},
      {"not five", 7},
      {"five", std::nullopt},
      {"five or fifth", 8},
      {"fifth and data", 7},
      {"fifth and conn.packets > 8", 4},
      {"conn.packets > 2 and fifth", 8},
      {"tcp.port = 443 and fifth", 8},
      {"tcp.port = 444 or fifth", 8},
      {"tls and fifth", 8},
      {"not ssh and fifth", 8},
      {"known and fifth", 8},
      {"known", 8},  // with the ClientHello, whose own packet was shown before
      {"bytes", 8},
      {"example", 7},
      {"example and conn.packets > 6", 6},
      {"not example", std::nullopt},
      {"undecided", std::nullopt},
      {"not undecided", 7},
      {"handshakes", 5},
      {"never", std::nullopt},
      {"not never", 0},
      {"closed", 0},
      {"closed and never", std::nullopt},
      {"closed and not never", 0},
      {"thrower", std::nullopt},
      {"not thrower", 7},
  };
  expect_seen(source, cases);
}

TEST_F(UserFilters, SessionsWaitForThem) {
  add("names", names);
  packets(8);
  EXPECT_THAT(rig_.events("names"), IsEmpty());
  packets(1);
  ASSERT_EQ(rig_.events("names").size(), 1U);
  EXPECT_EQ(rig_.events("names").front()["sni"], "www.example.test");
  packets(3);
  linger();
  EXPECT_EQ(rig_.events("names").size(), 1U);
}

// Whatever the number of subscriptions that name it, and wherever in their filters.
TEST_F(UserFilters, AreAskedOnce) {
  const jit::Source counting{.name = "counting.cpp",
                             .text = R"(#include <iris/iris.hpp>
struct Asked { unsigned sessions, packets; };
static Asked asked{};
IRIS_FILTER iris::FilterResult session(const iris::TlsHandshake&) {
  ++asked.sessions;
  return iris::FilterResult::Accept;
}
IRIS_FILTER IRIS_ON(InL4Conn) iris::FilterResult packet(const iris::L4Pdu&) {
  return ++asked.packets < 7 ? iris::FilterResult::Continue : iris::FilterResult::Accept;
}
IRIS_CALLBACK("") IRIS_ON(L4Terminated) void f(const iris::FiveTuple&) { iris::emit(asked); }
)",
                             .stateless = true};
  add("a", counting, "session and packet");
  add("b", counting, "tcp.port = 443 and session and conn.packets > 2 and packet");
  add("c", counting, "not session or packet");
  conversation();
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_EQ(rig_.events(name).size(), 1U) << name;
    EXPECT_EQ(rig_.events(name).front()["sessions"], 1) << name;
    EXPECT_EQ(rig_.events(name).front()["packets"], 7) << name;
  }
  const auto plan = rig_.registry().explain("b");
  ASSERT_TRUE(plan);
  std::map<std::string, std::uint64_t> calls;
  for (const LookupInfo& lookup : plan->graphs.front().lookups) {
    if (lookup.op == "(C++)") calls[lookup.field] = lookup.count;
  }
  EXPECT_EQ(calls, (std::map<std::string, std::uint64_t>{{"packet", 7}, {"session", 1}}));
}

TEST_F(UserFilters, OfOneNameInTwoSourcesAreTwo) {
  const auto with_answer = [](const char* answer) {
    return jit::Source{.name = "answer.cpp",
                       .text = std::string(R"(#include <iris/iris.hpp>
struct Row { int x; };
IRIS_FILTER iris::FilterResult mine(const iris::FiveTuple&) { return iris::FilterResult::)") +
                               answer +
                               "; }\nIRIS_CALLBACK(\"mine\") void f(const iris::FiveTuple&) { iris::emit(Row{1}); }\n"};
  };
  add("yes", with_answer("Accept"));
  add("no", with_answer("Drop"));
  conversation();
  EXPECT_EQ(rig_.events("yes").size(), 1U);
  EXPECT_THAT(rig_.events("no"), IsEmpty());
}

TEST_F(UserFilters, NobodyAsksWhenItCannotMatter) {
  const auto used = [&] { return rig_.tracker().memory().blocks.used; };
  const std::uint64_t before = used();
  add("elsewhere", source, "tcp.port = 444 and never");
  add("not_yet", source, "ssh and never");
  packets(3);
  EXPECT_NE(used(), before);
  packets(3);
  EXPECT_EQ(used(), before) << "it is known not to be SSH";
  EXPECT_EQ(rig_.tracker().memory().cold.used, 0U) << "its packets cost a look-up";
}

TEST_F(UserFilters, ObjectsEndWithTheConnection) {
  const std::uint64_t before = rig_.tracker().memory().blocks.used;
  add("open", source, "never");
  packets(6);
  EXPECT_NE(rig_.tracker().memory().blocks.used, before);
  packets(6);
  linger();
  EXPECT_EQ(rig_.tracker().memory().blocks.used, before);
}

TEST_F(UserFilters, WhatIsRemovedMeanwhileIsLetGoOf) {
  const std::uint64_t before = rig_.tracker().memory().blocks.used;
  add("gone", source, "never");
  packets(6);
  add("younger", source, "not never");
  ASSERT_TRUE(rig_.registry().remove("gone"));
  packets(6);
  EXPECT_EQ(rig_.tracker().memory().blocks.used, before) << "the connection is older than who still asks";
  linger();
  EXPECT_THAT(rig_.events("younger"), IsEmpty());
  ASSERT_TRUE(rig_.registry().remove("younger"));
  rig_.process({});
  const auto retiring = [&] { return rig_.registry().status().retiring; };
  for (int i = 0; i < 200 && retiring() != 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(retiring(), 0U);
}

TEST_F(UserFilters, UnknownNamesAreRefused) {
  const auto added = rig_.registry().add("slip", source, "tls and fith");
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().message, testing::HasSubstr("unknown protocol 'fith'; did you mean 'fifth'?"));
  EXPECT_THAT(added.error().message, testing::HasSubstr("\n        ^~~~"));
}

}  // namespace
}  // namespace iris::control
