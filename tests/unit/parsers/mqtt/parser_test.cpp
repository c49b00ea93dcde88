#include "parsers/mqtt/parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parsers/mqtt/probe.hpp"
#include "parsers/mqtt/schema.hpp"
#include "tests/unit/parsers/mqtt/describe.hpp"
#include "tests/unit/parsers/session_run.hpp"

namespace iris::parsers::mqtt {
namespace {

using test::client;
using test::server;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Octets = test::Bytes;

Octets operator+(Octets left, const Octets& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
Octets u16(unsigned value) { return {static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)}; }
Octets text(std::string_view text) { return u16(static_cast<unsigned>(text.size())) + test::bytes_of(text); }
Octets packet(unsigned first, const Octets& body) {
  Octets bytes{static_cast<std::uint8_t>(first)};
  std::size_t length = body.size();
  do {
    bytes.push_back(static_cast<std::uint8_t>((length & 0x7fU) | (length > 0x7f ? 0x80U : 0U)));
    length >>= 7U;
  } while (length != 0);
  return bytes + body;
}

Octets connect(std::string_view id) { return packet(0x10, text("MQTT") + Octets{4, 0x02} + u16(60) + text(id)); }
Octets connack(unsigned reason) { return packet(0x20, {0, static_cast<std::uint8_t>(reason)}); }
Octets publish(std::string_view topic, std::string_view payload, unsigned qos = 0, unsigned id = 0) {
  return packet(0x30 | qos << 1U, text(topic) + (qos == 0 ? Octets{} : u16(id)) + test::bytes_of(payload));
}

using Mqtts = test::SessionRun<MqttExchange>;

Mqtts run_over(std::size_t cap = std::size_t{256} << 10U) {
  return Mqtts(protocol, test::tuple_over(Transport::Tcp), test::describe, cap);
}

TEST(Mqtt, ConnectionIsReportedWhenItIsAcknowledged) {
  Mqtts run = run_over();
  run.feed(client, connect("sensor"));
  EXPECT_THAT(run.begun(), IsEmpty());
  run.feed(server, connack(0));
  EXPECT_THAT(run.ended(), ElementsAre("connect MQTT 4 id 'sensor' keep 60 clean -> 0 rtt"));
}

TEST(Mqtt, WillUserAndPropertiesOfVersion5) {
  Mqtts run = run_over();
  const Octets properties{5, 0x11, 0, 0, 0, 60};
  const Octets will = Octets{2, 0x18, 0} + text("gone") + text("with the wind");
  run.feed(client, packet(0x10, text("MQTT") + Octets{5, 0xc4} + u16(10) + properties + text("") + will + text("anna") +
                                    text("secret")));
  run.feed(server, packet(0x20, {1, 0x87, 0}));
  run.feed(client, packet(0x82, u16(3) + Octets{0} + text("a/#") + Octets{1}));
  run.feed(server, packet(0x90, u16(3) + Octets{0, 1}));
  run.feed(client, packet(0x30, text("t") + Octets{2, 0x01, 1} + test::bytes_of("hello")));
  EXPECT_THAT(run.ended(), ElementsAre("connect MQTT 5 id '' keep 10 user anna will gone -> 135 present rtt",
                                       "subscribe <a/#> qos1 #3 -> 1 rtt", "publish t qos0 'hello' 5"));
}

TEST(Mqtt, PublishedAtEachQualityOfService) {
  Mqtts run = run_over();
  run.feed(client, publish("a", "x"));
  run.feed(client, publish("b", "y", 1, 7) + publish("c", "z", 2, 8));
  run.feed(server, packet(0x50, u16(8)));                    // PUBREC
  run.feed(server, packet(0x40, u16(7)));                    // PUBACK
  run.feed(client, packet(0x62, u16(8)));                    // PUBREL
  run.feed(server, packet(0x70, u16(8)) + Octets{0xd0, 0});  // PUBCOMP, PINGRESP
  EXPECT_THAT(run.ended(), ElementsAre("publish a qos0 'x' 1", "publish b qos1 #7 'y' 1 -> 0 rtt",
                                       "publish c qos2 #8 'z' 1 -> 0 rtt"));
}

TEST(Mqtt, BothSidesUseTheSameIds) {
  Mqtts run = run_over();
  run.feed(client, publish("mine", "x", 1, 1));
  run.feed(server, publish("yours", "y", 1, 1));
  run.feed(client, packet(0x40, u16(1)));
  run.feed(server, packet(0x40, u16(1) + Octets{0x97}));
  EXPECT_THAT(run.ended(),
              ElementsAre("broker publish yours qos1 #1 'y' 1 -> 0 rtt", "publish mine qos1 #1 'x' 1 -> 151 rtt"));
}

TEST(Mqtt, RefusedByTheReceiverOfQualityTwo) {
  Mqtts run = run_over();
  run.feed(client, publish("c", "z", 2, 8));
  run.feed(server, packet(0x50, u16(8) + Octets{0x87}));
  EXPECT_THAT(run.ended(), ElementsAre("publish c qos2 #8 'z' 1 -> 135 rtt"));
}

TEST(Mqtt, SubscriptionsWithSeveralTopics) {
  Mqtts run = run_over();
  run.feed(client, packet(0x82, u16(9) + text("a") + Octets{2} + text("b/+") + Octets{0}));
  run.feed(server, packet(0x90, u16(9) + Octets{0x80, 0}));
  run.feed(client, packet(0xa2, u16(10) + text("a")));
  run.feed(server, packet(0xb0, u16(10)));
  EXPECT_THAT(run.ended(), ElementsAre("subscribe <a> <b/+> qos2 #9 -> 128 rtt", "unsubscribe <a> #10 -> rtt"));
}

TEST(Mqtt, WithoutAcknowledgementAtTheEnd) {
  Mqtts run = run_over();
  run.feed(client, connect("a") + publish("b", "y", 1, 7));
  run.finish();
  EXPECT_THAT(run.ended(), ElementsAre("connect MQTT 4 id 'a' keep 60 clean", "publish b qos1 #7 'y' 1"));
}

TEST(Mqtt, LongMessagesArePassedOver) {
  const std::string payload(100'000, 'p');
  Mqtts run = run_over(32 << 10);
  run.feed(client, publish("big", payload) + publish("next", "x"));
  EXPECT_THAT(run.ended(), ElementsAre("publish big qos0 '1024' 100000", "publish next qos0 'x' 1"));
}

TEST(Mqtt, GapInsideALongMessage) {
  Mqtts run = run_over();
  const Octets all = publish("big", std::string(100'000, 'p')) + publish("next", "x");
  run.feed(client, Octets(all.begin(), all.begin() + 10'000));
  run.feed(client, Octets(all.begin() + 60'000, all.end()), 50'000);
  EXPECT_THAT(run.ended(), ElementsAre("publish big qos0 '1024' 100000", "publish next qos0 'x' 1"));
}

TEST(Mqtt, GapElsewhereEndsThatDirection) {
  Mqtts run = run_over();
  run.feed(client, publish("a", "x", 1, 1));
  run.feed(client, publish("b", "x"), 10);
  run.feed(server, packet(0x40, u16(1)));
  EXPECT_THAT(run.ended(), ElementsAre("publish a qos1 #1 'x' 1 -> 0 rtt"));
  run.feed(server, {}, 1);
  EXPECT_EQ(run.status(), Status::gave_up);
}

TEST(Mqtt, MalformedPacketsAreNoExchanges) {
  Mqtts run = run_over();
  run.feed(client, packet(0x36, text("qos three")) + packet(0x30, {0, 9, 'x'}) + packet(0x82, u16(1)) +
                       packet(0x82, {}) + packet(0x10, {0}) + publish("fine", "x"));
  EXPECT_THAT(run.ended(), ElementsAre("publish fine qos0 'x' 1"));
  run.feed(client, {0x30, 0xff, 0xff, 0xff, 0xff, 0x01});
  run.feed(client, publish("not to be found", "x"));
  EXPECT_THAT(run.ended(), SizeIs(1));
}

TEST(Mqtt, CutAnywhere) {
  test::cut_everywhere<MqttExchange>(
      protocol, test::tuple_over(Transport::Tcp), test::describe,
      {{client, connect("sensor")},
       {server, connack(0)},
       {client, packet(0x82, u16(9) + text("a") + Octets{2} + text("b/+") + Octets{0}) + publish("t", "hello", 1, 4)},
       {server, packet(0x90, u16(9) + Octets{0, 0}) + packet(0x40, u16(4)) + publish("a", std::string(300, 'p'))},
       {client, Octets{0xe0, 0}}},
      [](Mqtts& run) {
        run.finish();
        ASSERT_THAT(
            run.ended(),
            ElementsAre("connect MQTT 4 id 'sensor' keep 60 clean -> 0 rtt", "subscribe <a> <b/+> qos2 #9 -> 0 rtt",
                        "publish t qos1 #4 'hello' 5 -> 0 rtt", "broker publish a qos0 '300' 300"));
      });
}

TEST(Mqtt, ManyUnacknowledgedMessagesNeedLittleMemory) {
  Mqtts run = run_over(64 << 10);
  for (unsigned i = 0; i < 100'000; ++i) run.feed(client, publish("topic", "message", 1, i & 0xffffU));
  run.finish();
  EXPECT_THAT(run.ended(), SizeIs(100'000));
}

TEST(Mqtt, AnyCapOfMemory) {
  for (std::size_t cap = 0; cap < 8192; cap += 16) {
    Mqtts run = run_over(cap);
    if (!run.created()) continue;
    for (unsigned i = 0; i < 8; ++i) run.feed(client, publish("topic", std::string(500, 'm'), 1, i));
    run.feed(client, Octets{0x10});
    run.finish();
    EXPECT_LE(run.ended().size(), 8U);
  }
}

TEST(MqttProbe, ConnectsOfEachVersion) {
  const auto answer = [](const Octets& bytes) {
    const FiveTuple tuple;
    return probe({.tuple = tuple, .sent = {bytes}});
  };
  const Octets old = packet(0x10, text("MQIsdp") + Octets{3, 0} + u16(5) + text("x"));
  for (const Octets& whole : {connect("x"), old}) {
    bool decided = false;
    for (std::size_t length = 0; length <= whole.size(); ++length) {
      const Probe found = answer(Octets(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
      EXPECT_NE(found, Probe::no_match) << length;
      if (decided) EXPECT_EQ(found, Probe::match) << length;
      decided = found == Probe::match;
    }
    EXPECT_TRUE(decided);
  }
  EXPECT_EQ(answer(packet(0x10, text("MQTT") + Octets{6, 0} + u16(5) + text("x"))), Probe::no_match);
  EXPECT_EQ(answer(publish("a", "b")), Probe::no_match);
}

}  // namespace
}  // namespace iris::parsers::mqtt
