// Subscriptions to packets by themselves, through the whole engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "daemon/source/memory.hpp"
#include "tests/support/bytes.hpp"
#include "tests/support/rig.hpp"

namespace iris::control {
namespace {

using support::Bytes;
using testing::ElementsAre;
using testing::HasSubstr;
using support::operator+;

Bytes v4(Transport transport, const Bytes& content, std::uint16_t fragment = 0) {
  return Bytes(12) + Bytes{0x08, 0x00} + support::ipv4(transport, content, fragment);
}
Bytes v6(std::uint8_t next, const Bytes& content) {
  return Bytes(12) + Bytes{0x86, 0xdd, 0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(content.size()), next, 64} +
         Bytes(15) + Bytes{1} + Bytes(15) + Bytes{2} + content;
}

const Bytes udp{0xc3, 0x50, 0, 53, 0, 8, 0, 0};
const Bytes arp = Bytes(12) + Bytes{0x08, 0x06} + Bytes(46);

class PacketsTest : public testing::Test {
 protected:
  void must_add(const std::string& name, const std::string& body) {
    const auto added = rig_.registry().add(name, {name + ".cpp", "#include <iris/iris.hpp>\n" + body});
    ASSERT_TRUE(added.has_value()) << added.error().message;
  }
  // A subscription that tells of each packet that its filter is true of.
  void watch(const std::string& name, const std::string& filter) {
    must_add(name, "struct Seen { std::size_t size; };\nIRIS_CALLBACK(\"" + filter + "\") IRIS_ON(Packet)\n" +
                       "void see(const iris::Frame& frame) { iris::emit(Seen{frame.bytes.size()}); }\n");
  }
  void send(const Bytes& bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    now_.nanoseconds += 1000;
    const source::PacketRef packet{.data = bytes.data(), .length = length, .wire_length = length, .ts = now_};
    rig_.process({&packet, 1});
  }
  std::size_t seen(const std::string& name) { return rig_.events(name).size(); }
  CallbackInfo callback(const std::string& name) { return rig_.registry().show(name)->callbacks.front(); }
  [[nodiscard]] bool plans_packets() { return rig_.publisher().current(0)->packets.has_value(); }

  source::MemorySource holder_{[](std::span<source::PacketRef>) { return std::size_t{0}; }};
  support::Rig rig_{holder_};
  Timestamp now_{1'700'000'000'000'000'000};
};

// A connection's headers are its first packet's.
TEST_F(PacketsTest, HeadersOfConnections) {
  const auto of_connections = [&](const std::string& name, const std::string& filter) {
    must_add(name, "struct Seen { std::uint16_t port; };\nIRIS_CALLBACK(\"" + filter +
                       "\")\nvoid see(const iris::FiveTuple& flow) { iris::emit(Seen{flow.responder.port}); }\n");
  };
  of_connections("first", "udp.length = 8 and ipv6.hop_limit = 64 and ethernet");
  of_connections("other", "not udp.length = 8 or ipv4.df");
  of_connections("any", "udp.length < 100 or vlan");
  Bytes longer = udp;
  longer[5] = 12;
  send(v6(17, udp));
  send(v6(17, longer + Bytes(4)));
  EXPECT_EQ(seen("first"), 1U);
  EXPECT_EQ(seen("other"), 0U);
  EXPECT_EQ(seen("any"), 1U);
}

TEST_F(PacketsTest, FiltersTellPacketsApart) {
  const std::map<std::string, Bytes> frames{
      {"arp", arp},
      {"udp", v4(Transport::Udp, udp)},
      {"udp6", v6(17, udp)},
      {"udp, later fragment", v4(Transport::Udp, udp, 185)},
      {"unreachable", v4(Transport::Icmp, {3, 3, 0, 0, 0, 0, 0, 0})},
      {"echo", v4(Transport::Icmp, {8, 0, 0, 0, 0, 0, 0, 0})},
      {"echo, later fragment", v4(Transport::Icmp, {8, 0, 0, 0, 0, 0, 0, 0}, 185)},
      {"echo6", v6(58, {128, 0, 0, 0, 0, 0, 0, 0})},
      {"gre", v4(Transport::Gre, Bytes(8))},
      {"esp", v4(Transport::Esp, Bytes(16))},
      {"sctp", v4(Transport::Sctp, Bytes{0x0b, 0x59, 0x0b, 0x5a} + Bytes(12))},
      {"ospf", v4(Transport{89}, Bytes(24))},
      {"cut", Bytes(5)},
  };
  using Names = std::vector<std::string>;
  const std::map<std::string, Names> expected{
      {"not ip", {"arp", "cut"}},
      {"not (ip.addr in ::/0)",
       {"arp", "cut", "echo", "echo, later fragment", "esp", "gre", "ospf", "sctp", "udp", "udp, later fragment",
        "unreachable"}},
      {"ip.version != 4", {"echo6", "udp6"}},
      {"ipv6", {"echo6", "udp6"}},
      {"icmp", {"echo", "echo, later fragment", "unreachable"}},
      {"icmp.type = 8", {"echo"}},
      {"icmp.type != 8", {"unreachable"}},
      {"not icmp.type and icmp", {"echo, later fragment"}},
      {"icmp.code in 1..3", {"unreachable"}},
      {"icmpv6.type = 128", {"echo6"}},
      {"icmpv6 or gre or esp", {"echo6", "esp", "gre"}},
      {"sctp.port = 2906", {"sctp"}},
      {"ip.protocol in {89, 2}", {"ospf"}},
      {"udp", {"udp", "udp, later fragment", "udp6"}},
      {"udp.dst_port = 53", {"udp", "udp6"}},
      {"ethernet.ether_type = ARP and not vlan", {"arp"}},
      {"not ethernet", {"cut"}},
      {"udp.length = 8", {"udp", "udp6"}},
      {"ipv6.hop_limit = 64 and ethernet.addr = 00:00:00:00:00:00", {"echo6", "udp6"}},
      {"ipv4.fragment_offset = 185", {"echo, later fragment", "udp, later fragment"}},
      {"icmp.identifier = 0 or icmpv6.sequence = 0", {"echo", "echo6"}},
      {"ip.src_addr = 192.0.2.1 and not icmp and not udp", {"esp", "gre", "ospf", "sctp"}},
  };
  std::map<std::string, std::string> filters;  // by subscription
  for (const auto& [filter, names] : expected) {
    const std::string name = "s" + std::to_string(filters.size());
    watch(name, filter);
    filters[name] = filter;
  }
  watch("all", "");
  std::map<std::string, Names> found;
  std::map<std::string, std::size_t> before;
  for (const auto& [frame, bytes] : frames) {
    send(bytes);
    for (const auto& [name, filter] : filters) {
      if (seen(name) != std::exchange(before[name], seen(name))) found[filter].push_back(frame);
    }
  }
  EXPECT_EQ(found, expected);
  EXPECT_EQ(seen("all"), frames.size());
}

TEST_F(PacketsTest, NobodyWantsThemNothingIsPlanned) {
  EXPECT_FALSE(plans_packets());
  EXPECT_FALSE(rig_.tracker().packet_events().wanted());
  must_add("connections", "IRIS_CALLBACK(\"udp\") void f(const iris::FiveTuple&) {}");
  EXPECT_FALSE(plans_packets());
  watch("packets", "icmp");
  EXPECT_TRUE(plans_packets());
  send(arp);
  EXPECT_TRUE(rig_.tracker().packet_events().wanted());
  ASSERT_TRUE(rig_.registry().remove("packets").has_value());
  EXPECT_FALSE(plans_packets());
  send(arp);
  EXPECT_FALSE(rig_.tracker().packet_events().wanted());
}

TEST_F(PacketsTest, BothKindsInOneSource) {
  must_add("both", R"(
struct Row { std::string_view what; };
IRIS_CALLBACK("udp.port = 53") void flow(const iris::FiveTuple&) { iris::emit(Row{"connection"}); }
IRIS_CALLBACK("udp.port = 53 or icmp") IRIS_ON(Packet) void packet(const iris::Frame&) { iris::emit(Row{"packet"}); }
)");
  for (int i = 0; i < 3; ++i) send(v4(Transport::Udp, udp));
  send(v4(Transport::Icmp, {3, 3, 0, 0, 0, 0, 0, 0}));
  std::vector<std::string> what;
  for (const auto& event : rig_.events("both")) what.push_back(event["what"]);
  EXPECT_THAT(what, ElementsAre("packet", "connection", "packet", "packet", "packet"));
  const auto info = rig_.registry().show("both");
  EXPECT_EQ(info->callbacks[0].matched, 1U);
  EXPECT_EQ(info->callbacks[1].matched, 4U);
  EXPECT_EQ(info->callbacks[1].event, "Packet");
}

TEST_F(PacketsTest, OnceHoweverManyClausesAreTrue) {
  watch("udp", "udp or udp.port = 53 or ip.addr = 192.0.2.1 or ip.dst_addr in 198.51.100.0/24");
  send(v4(Transport::Udp, udp));
  EXPECT_EQ(seen("udp"), 1U);
}

TEST_F(PacketsTest, EachSubscriptionSeesPacketsWhileItIsThere) {
  watch("one", "icmp");
  const Bytes echo = v4(Transport::Icmp, {8, 0, 0, 0, 0, 0, 0, 0});
  send(echo);
  watch("two", "icmp");
  send(echo);
  ASSERT_TRUE(rig_.registry().remove("one").has_value());
  send(echo);
  EXPECT_EQ(seen("one"), 2U);
  EXPECT_EQ(seen("two"), 2U);
}

// No connection ever knew it, so nothing waits for connections that began before.
TEST_F(PacketsTest, RemovedCodeIsFreedAtOnce) {
  must_add("connections", "IRIS_CALLBACK(\"udp\") IRIS_ON(L4Terminated) void f(const iris::FiveTuple&) {}");
  send(v4(Transport::Udp, udp));
  watch("packets", "udp");
  send(v4(Transport::Udp, udp));
  ASSERT_TRUE(rig_.registry().remove("packets").has_value());
  EXPECT_EQ(rig_.registry().status().retiring, 0U);
  send(v4(Transport::Udp, udp));
}

TEST_F(PacketsTest, AnExceptionIsCountedAndTheNextPacketComes) {
  must_add("throws", R"(
struct Row { int n; };
static int calls = 0;
IRIS_CALLBACK("icmp") IRIS_ON(Packet) void f(const iris::Frame&) {
  if (++calls % 2 == 1) throw 5;
  iris::emit(Row{calls});
}
)");
  for (int i = 0; i < 4; ++i) send(v4(Transport::Icmp, {8, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(seen("throws"), 2U);
  EXPECT_EQ(callback("throws").calls, 4U);
  const auto& callees = rig_.publisher().current(0)->packets->callees;
  ASSERT_EQ(callees.size(), 1U);
  EXPECT_EQ(callees[0]->counters.faults.load(), 2U);
}

TEST_F(PacketsTest, EachFieldIsLookedUpOnce) {
  watch("one", "icmp.type = 3");
  watch("two", "icmp.type = 8 and not ip.addr = 10.0.0.1");
  watch("three", "icmp.type in {0, 8}");
  for (int i = 0; i < 5; ++i) send(v4(Transport::Icmp, {8, 0, 0, 0, 0, 0, 0, 0}));
  const auto& families = rig_.publisher().current(0)->packets->plan->families;
  for (std::size_t i = 0; i < families.size(); ++i) {
    EXPECT_EQ(rig_.tracker().packet_events().tally().evaluations(i), 5U) << families[i].field->name;
  }
  EXPECT_EQ(seen("two"), 5U);
}

TEST_F(PacketsTest, CheckPlansThemToo) {
  const auto check = [&](const std::string& filter) {
    return rig_.registry().check({"c.cpp", "#include <iris/iris.hpp>\nIRIS_CALLBACK(\"" + filter +
                                               "\") IRIS_ON(Packet) void f(const iris::Frame&) {}"});
  };
  EXPECT_TRUE(check("icmp.type = 3").has_value());
  const auto refused = check("tls.sni contains 'x'");
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr("c.cpp:2:16: error: tls is not known of a packet by itself"));
}

}  // namespace
}  // namespace iris::control
