// What becomes of connections, told by their records: begun by whom, ended how, and what their streams lacked. Packets
// are put together by hand and go through the whole engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/support/bytes.hpp"
#include "tests/support/rig.hpp"

namespace iris::control {
namespace {

using nlohmann::json;
using support::Bytes;
using support::operator+;
using testing::ElementsAre;
using testing::IsEmpty;

using namespace tcp_flag;

constexpr std::uint64_t second = 1'000'000'000;

// A source that says how little it has left.
class Scarce final : public source::PacketHolder {
 public:
  void hold(const source::PacketRef& /*packet*/) noexcept override { ++held_; }
  void release(std::span<const source::PacketRef> packets) noexcept override { held_ -= packets.size(); }
  [[nodiscard]] source::Pressure pressure() const noexcept override { return pressure_; }

  void set(source::Pressure pressure) { pressure_ = pressure; }
  [[nodiscard]] std::size_t held() const { return held_; }

 private:
  source::Pressure pressure_ = source::Pressure::none;
  std::size_t held_ = 0;
};

struct Segment {
  std::uint8_t flags = ack;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::string payload{};
};

void put(Bytes& bytes, std::uint64_t value, unsigned size) {
  while (size-- > 0) bytes.push_back(static_cast<std::uint8_t>(value >> 8 * size));
}

class Connections : public testing::Test {
 protected:
  explicit Connections(const conn::Limits& limits = {.capacity = 1U << 10}) : rig_(packets_, limits) {}

  void add(const std::string& name, const std::string& body) {
    const auto added = rig_.registry().add(name, {name + ".cpp", "#include <iris/iris.hpp>\n" + body});
    ASSERT_TRUE(added.has_value()) << added.error().message;
  }
  // Tells of every connection that the filter is true of when it ends.
  void watch(const std::string& filter = "") {
    add("watch", R"(
struct Row { std::uint16_t from; std::string_view history; iris::EndReason end; std::uint64_t packets, bytes, gap;
             bool midstream, degraded; };
IRIS_CALLBACK(")" + filter +
                     R"(") void tell(const iris::ConnRecord& c) {
  iris::emit(Row{c.tuple.originator.port, c.history(), c.end, c.originator.packets + c.responder.packets,
                 c.originator.payload_bytes + c.responder.payload_bytes,
                 c.originator.gap_bytes + c.responder.gap_bytes, c.midstream, c.degraded});
}
)");
  }
  // Tells of every piece of a stream.
  void listen() {
    add("listen", R"(
struct Piece { std::string_view text; std::uint32_t gap; };
struct IRIS_CALLBACK("tcp") Stream {
  IRIS_ON(InL4Stream) void piece(const iris::L4Pdu& pdu) {
    iris::emit(Piece{{reinterpret_cast<const char*>(pdu.payload.data()), pdu.payload.size()}, pdu.gap});
  }
};
)");
  }

  // From the client, 192.0.2.1:`port`, or from the server, 198.51.100.7:443, `now_` seconds after the beginning.
  void client(const Segment& segment) { send(segment, true); }
  void server(const Segment& segment) { send(segment, false); }
  void send(const Segment& segment, bool from_client) {
    Bytes tcp;
    put(tcp, from_client ? port_ : 443, 2);
    put(tcp, from_client ? 443 : port_, 2);
    put(tcp, segment.sequence, 4);
    put(tcp, segment.acknowledgement, 4);
    put(tcp, 0x5000U | segment.flags, 2);
    put(tcp, 8192, 2);
    put(tcp, 0, 4);
    Bytes ip = support::ipv4(Transport::Tcp, tcp + Bytes(segment.payload.begin(), segment.payload.end()));
    if (!from_client) std::swap_ranges(ip.begin() + 12, ip.begin() + 16, ip.begin() + 16);
    deliver(ip);
  }
  void udp() { deliver(support::ipv4(Transport::Udp, {0xc3, 0x50, 0, 53, 0, 8, 0, 0})); }
  void deliver(const Bytes& ip) {
    Bytes tags;
    if (vlan_) {
      put(tags, 0x8100, 2);
      put(tags, *vlan_, 2);
    }
    frames_.push_back(Bytes(12) + tags + Bytes{0x08, 0x00} + ip);
    const auto length = static_cast<std::uint32_t>(frames_.back().size());
    const source::PacketRef packet{
        .data = frames_.back().data(), .length = length, .wire_length = length, .ts = {1'700'000'000 * second + now_}};
    rig_.process({&packet, 1});
  }
  void handshake() {
    client({syn, 100});
    server({syn | ack, 900, 101});
    client({ack, 101, 901});
  }
  // Time passes without packets.
  void pass(std::uint64_t nanoseconds) {
    now_ += nanoseconds;
    while (!rig_.tracker().expire({1'700'000'000 * second + now_}, 1'000'000)) {
    }
  }
  // One member of every record so far.
  std::vector<json> told(const std::string& member) {
    std::vector<json> values;
    for (const json& event : rig_.events("watch")) values.push_back(event[member]);
    return values;
  }
  // Since forget().
  std::vector<std::string> heard() {
    std::vector<std::string> pieces;
    const std::vector<json> events = rig_.events("listen");
    for (const json& event : std::span(events).subspan(forgotten_)) {
      pieces.push_back((event["gap"] == 0 ? "" : "<" + event["gap"].dump() + ">") + event["text"].get<std::string>());
    }
    return pieces;
  }

  void forget() { forgotten_ = rig_.events("listen").size(); }

  Scarce packets_;
  std::deque<Bytes> frames_;  // for as long as somebody may hold them
  support::Rig rig_;
  std::uint64_t now_ = 0;
  std::uint16_t port_ = 50000;
  std::optional<std::uint16_t> vlan_;
  std::size_t forgotten_ = 0;
};

TEST_F(Connections, ALoneSynAckTurnsItRound) {
  watch();
  server({syn | ack, 900, 101});
  client({ack, 101, 901});
  rig_.finish();
  EXPECT_THAT(told("from"), ElementsAre(50000));
  EXPECT_THAT(told("history"), ElementsAre("^hA"));
}

TEST_F(Connections, OneThatIsPickedUpSaysSo) {
  watch("conn.midstream");
  client({ack, 101, 901, "x"});
  port_ = 50001;
  handshake();
  rig_.finish();
  EXPECT_THAT(told("from"), ElementsAre(50000));
  EXPECT_THAT(told("midstream"), ElementsAre(true));
}

TEST_F(Connections, ASynWithAnotherNumberBeginsAnother) {
  watch();
  handshake();
  client({fin | ack, 101, 901});
  server({fin | ack, 901, 102});
  client({ack, 102, 902});
  client({syn, 5000});
  EXPECT_THAT(told("end"), ElementsAre("fin"));
  rig_.finish();
  EXPECT_THAT(told("end"), ElementsAre("fin", "end_of_input"));
  EXPECT_THAT(told("packets"), ElementsAre(6, 1));
}

TEST_F(Connections, LatePacketsBelongToTheClosedOne) {
  watch();
  handshake();
  server({rst, 901, 0});
  pass(3 * second);
  server({rst, 901, 0});
  EXPECT_THAT(told("end"), IsEmpty());
  pass(6 * second);
  EXPECT_THAT(told("end"), ElementsAre("rst"));
  EXPECT_THAT(told("packets"), ElementsAre(5));
}

TEST_F(Connections, AResetThatItsReceiverWouldRefuseEndsNothing) {
  watch();
  handshake();
  server({rst, 901 + 1'000'000, 0});
  EXPECT_EQ(rig_.tracker().counters().stray_resets.load(), 1U);
  pass(10 * second);
  EXPECT_THAT(told("end"), IsEmpty());
}

TEST_F(Connections, EveryKindHasItsTimeout) {
  watch();
  client({syn, 100});
  port_ = 50001;
  handshake();
  udp();
  pass(6 * second);
  EXPECT_THAT(told("packets"), ElementsAre(1));  // half open
  pass(60 * second);
  EXPECT_THAT(told("packets"), ElementsAre(1, 1));
  pass(300 * second);
  EXPECT_THAT(told("packets"), ElementsAre(1, 1, 3));
  EXPECT_THAT(told("end"), ElementsAre("timeout", "timeout", "timeout"));
}

TEST_F(Connections, TheClockMayJumpByYears) {
  watch();
  handshake();
  now_ += 142'449'751 * second;
  port_ = 50001;
  handshake();
  now_ += 10 * second;
  client({ack, 101, 901, "x"});
  EXPECT_THAT(told("end"), ElementsAre("timeout"));
  rig_.finish();
  EXPECT_THAT(told("packets"), ElementsAre(3, 4));
}

TEST_F(Connections, TheClockMayGoBack) {
  watch();
  now_ = 1000 * second;
  handshake();
  now_ = 10 * second;
  client({ack, 101, 901, "x"});
  pass(0);
  rig_.finish();
  EXPECT_THAT(told("packets"), ElementsAre(4));
}

TEST_F(Connections, MissingBytesAreGivenUpInTime) {
  listen();
  watch();
  handshake();
  client({ack, 101, 901, "one"});
  now_ += second;
  client({ack, 107, 901, "three"});
  EXPECT_THAT(heard(), ElementsAre("one"));
  EXPECT_EQ(packets_.held(), 1U);
  pass(4 * second);
  EXPECT_THAT(heard(), ElementsAre("one"));
  pass(2 * second);  // without a packet of anybody
  EXPECT_THAT(heard(), ElementsAre("one", "<3>three"));
  EXPECT_EQ(packets_.held(), 0U);
  pass(300 * second);
  EXPECT_THAT(told("gap"), ElementsAre(3));
  EXPECT_THAT(told("bytes"), ElementsAre(8));
  EXPECT_THAT(told("end"), ElementsAre("timeout"));
}

// What is missing first is given up first, whichever direction it is of, and whoever notices: a timer or a packet.
TEST_F(Connections, GapsAreDeclaredInTheOrderInWhichTheyAreDue) {
  listen();
  for (const bool timers : {true, false}) {
    handshake();
    client({ack, 102, 901, "c1"});
    now_ += second;
    server({ack, 902, 101, "s1"});
    now_ += second;
    client({ack, 105, 901, "c2"});
    now_ += second;
    server({fin | ack, 905, 101});
    if (timers) pass(20 * second);
    now_ += timers ? 0 : 20 * second;
    client({ack, 107, 905});
    EXPECT_THAT(heard(), ElementsAre("<1>c1", "<1>s1", "<1>c2", "<1>")) << timers;
    ++port_;
    forget();
  }
}

// One direction's gap comes due while the other's is awaited, by the same timer.
TEST_F(Connections, ATimerServesBothDirections) {
  listen();
  handshake();
  client({ack, 102, 901, "c"});
  now_ += 3 * second;
  server({ack, 902, 101, "s"});
  pass(3 * second);
  EXPECT_THAT(heard(), ElementsAre("<1>c"));
  pass(3 * second);
  EXPECT_THAT(heard(), ElementsAre("<1>c", "<1>s"));
  client({ack, 104, 902, "d"});  // and it is set again
  pass(6 * second);
  EXPECT_THAT(heard(), ElementsAre("<1>c", "<1>s", "<1>d"));
}

class Impatient : public Connections {
 protected:
  Impatient() : Connections({.capacity = 1U << 10, .tcp_inactivity = {2 * second}, .tcp_establish = {second}}) {}
};

// The connection's end comes before the gap is due.
TEST_F(Impatient, AnEndWaitsForNoGap) {
  listen();
  watch();
  handshake();
  client({ack, 104, 901, "two"});
  pass(second);
  EXPECT_THAT(heard(), IsEmpty());
  pass(2 * second);
  EXPECT_THAT(heard(), ElementsAre("<3>two"));
  EXPECT_THAT(told("end"), ElementsAre("timeout"));
  EXPECT_EQ(packets_.held(), 0U);
}

TEST_F(Connections, APacketAfterTheDeadlineFindsTheGapDeclared) {
  listen();
  handshake();
  client({ack, 101, 901, "one"});
  client({ack, 107, 901, "three"});
  now_ += 6 * second;
  client({ack, 104, 901, "two"});  // too late
  EXPECT_THAT(heard(), ElementsAre("one", "<3>three"));
}

TEST_F(Connections, WhatComesInTimeLeavesNoGap) {
  listen();
  handshake();
  client({ack, 107, 901, "three"});
  client({ack, 104, 901, "two"});
  now_ += 4 * second;
  client({ack, 101, 901, "one"});
  pass(10 * second);
  EXPECT_THAT(heard(), ElementsAre("one", "two", "three"));
}

TEST_F(Connections, WhatMissesAtTheEndIsAGap) {
  listen();
  handshake();
  client({ack, 101, 901, "one"});
  client({ack, 107, 901, "three"});
  client({fin | ack, 112, 901});
  server({rst, 901});
  EXPECT_THAT(heard(), ElementsAre("one", "<3>three"));
}

TEST_F(Connections, UnderPressureCopiesAreHeld) {
  listen();
  handshake();
  packets_.set(source::Pressure::low);
  client({ack, 104, 901, "two"});
  EXPECT_EQ(packets_.held(), 0U);
  client({ack, 101, 901, "one"});
  EXPECT_THAT(heard(), ElementsAre("one", "two"));
}

class FewCopies : public Connections {
 protected:
  FewCopies() : Connections({.capacity = 1U << 10, .reassembly = {.copied_bytes = 2 * conn::HoldPool::chunk_bytes}}) {}
};

TEST_F(FewCopies, AsBuffersGoSegmentsAreHeldThenCopiedThenGivenUp) {
  listen();
  watch();
  handshake();
  client({ack, 102, 901, "b"});
  EXPECT_EQ(packets_.held(), 1U);
  packets_.set(source::Pressure::low);
  client({ack, 104, 901, "d"});
  client({ack, 106, 901, "f"});
  EXPECT_EQ(packets_.held(), 1U);
  conn::MemoryUse copies = rig_.tracker().memory().copies;
  EXPECT_EQ(copies.used, copies.reserved);
  EXPECT_EQ(copies.refused, 0U);
  EXPECT_THAT(heard(), IsEmpty());
  client(
      {ack, 108, 901, "h"});  // room is made once: the first gap leaves a packet, which pressure forbids; then a copy
  EXPECT_THAT(heard(), ElementsAre("<1>b", "<1>d"));
  EXPECT_EQ(packets_.held(), 0U);
  copies = rig_.tracker().memory().copies;
  EXPECT_EQ(copies.used, copies.reserved);
  EXPECT_EQ(copies.refused, 2U);
  packets_.set(source::Pressure::critical);
  client({ack, 110, 901, "j"});
  EXPECT_THAT(heard(), ElementsAre("<1>b", "<1>d", "<1>f", "<1>h", "<1>j"));
  packets_.set(source::Pressure::none);
  client({ack, 112, 901, "l"});
  EXPECT_EQ(packets_.held(), 1U);
  port_ = 50001;  // one that lacked nothing
  handshake();
  client({ack, 102, 901, "b"});
  client({ack, 101, 901, "a"});
  rig_.finish();
  EXPECT_THAT(told("degraded"), ElementsAre(true, false));
  EXPECT_THAT(told("gap"), ElementsAre(6, 0));
  const conn::HoldCounters& held = rig_.tracker().held();
  EXPECT_EQ(held.gaps_by(conn::GapReason::pool), 5U);
  EXPECT_EQ(held.gaps_by(conn::GapReason::end), 1U);
  EXPECT_EQ(held.held_packets.load(), 0U);
  EXPECT_EQ(rig_.tracker().memory().copies.used, 0U);
}

TEST_F(Connections, WithoutMemoryThereIsAGapAndItIsSaid) {
  listen();
  watch();
  handshake();
  client({ack, 101, 901, "one"});
  packets_.set(source::Pressure::critical);
  client({ack, 107, 901, "three"});
  EXPECT_THAT(heard(), ElementsAre("one", "<3>three"));
  packets_.set(source::Pressure::none);
  client({ack, 112, 901, "four"});
  port_ = 50001;
  handshake();
  rig_.finish();
  EXPECT_THAT(heard(), ElementsAre("one", "<3>three", "four"));
  EXPECT_THAT(told("degraded"), ElementsAre(true, false));
}

TEST_F(Connections, RepetitionsThatDifferAreCounted) {
  add("watch", R"(
struct Row { std::uint64_t inconsistent, retransmitted; };
struct IRIS_CALLBACK("tcp") Watch {
  IRIS_ON(InL4Stream) void piece() {}
  IRIS_ON(L4Terminated) void end(const iris::TcpMetrics& m) {
    iris::emit(Row{m.originator.inconsistent_bytes, m.originator.retransmitted_bytes});
  }
};
)");
  handshake();
  client({ack, 104, 901, "two"});
  client({ack, 104, 901, "TWo"});
  client({ack, 101, 901, "one"});
  rig_.finish();
  EXPECT_THAT(told("inconsistent"), ElementsAre(2));
  EXPECT_EQ(rig_.tracker().counters().inconsistent_bytes.load(), 2U);
  EXPECT_THAT(told("retransmitted"), ElementsAre(3));
}

class WithVlans : public Connections {
 protected:
  WithVlans() : Connections({.capacity = 1U << 10, .vlan_in_key = true}) {}
};

TEST_F(Connections, VlansAreNotPartOfTheKey) {
  watch();
  vlan_ = 7;
  client({ack, 101, 901, "x"});
  vlan_ = 8;
  server({ack, 901, 102});
  rig_.finish();
  EXPECT_THAT(told("packets"), ElementsAre(2));
}

TEST_F(WithVlans, ArePartOfTheKeyWhereSaid) {
  watch();
  vlan_ = 7;
  client({ack, 101, 901, "x"});
  vlan_ = 8;
  client({ack, 101, 901, "x"});
  rig_.finish();
  EXPECT_THAT(told("packets"), ElementsAre(1, 1));
}

class WithoutMidstream : public Connections {
 protected:
  WithoutMidstream() : Connections({.capacity = 1U << 10, .midstream = conn::Midstream::ignore}) {}
};

TEST_F(WithoutMidstream, IsCountedAndLeftAlone) {
  watch();
  client({ack, 101, 901, "x"});
  EXPECT_EQ(rig_.tracker().live(), 0U);
  EXPECT_EQ(rig_.tracker().counters().midstream_ignored.load(), 1U);
  handshake();
  rig_.finish();
  EXPECT_THAT(told("packets"), ElementsAre(3));
}

// What ended it was left out: the next with its ports is another all the same.
TEST_F(Connections, AfterWhatWasLeftOutASynBegins) {
  handshake();
  watch();
  client({ack, 101, 901, "x"});
  client({syn, 5000});
  rig_.finish();
  EXPECT_THAT(told("packets"), ElementsAre(1));
}

class Full : public Connections {
 protected:
  Full() : Connections({.capacity = 4}) {}
};

TEST_F(Full, GivesUpTheOldestHalfOpenConnectionFirst) {
  watch();
  port_ = 50000;
  handshake();
  for (port_ = 50001; port_ <= 50003; ++port_) client({syn, 100});
  EXPECT_THAT(told("end"), IsEmpty());
  for (port_ = 50004; port_ <= 50005; ++port_) client({syn, 100});
  EXPECT_THAT(told("from"), ElementsAre(50001, 50002));
  EXPECT_THAT(told("end"), ElementsAre("evicted", "evicted"));
  EXPECT_EQ(rig_.tracker().counters().evicted_half_open.load(), 2U);
  EXPECT_EQ(rig_.tracker().live(), 4U);
}

TEST_F(Full, GivesUpOthersWhereNoneIsHalfOpen) {
  watch();
  for (port_ = 50000; port_ <= 50005; ++port_) {
    handshake();
    now_ += second;
  }
  EXPECT_THAT(told("end"), ElementsAre("evicted", "evicted"));
  EXPECT_EQ(rig_.tracker().counters().evicted.load(), 2U);
  const conn::TrackerCounters& counters = rig_.tracker().counters();
  EXPECT_EQ(counters.begun.load(), counters.ended.load() + rig_.tracker().live());
}

}  // namespace
}  // namespace iris::control
