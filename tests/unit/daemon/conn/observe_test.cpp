// What is kept of a connection's packets, and that nothing is where nobody asked.
#include "daemon/conn/observe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "daemon/conn/connection.hpp"

namespace iris::conn {
namespace {

namespace bit = abi::observe;
using parsers::packet::LinkType;
using testing::Each;
using testing::ElementsAre;

class Observe : public testing::Test {
 protected:
  ~Observe() override { forget(observed(), memory()); }

  ObserverMemory memory() { return {blocks_, arenas_}; }
  Observed& observed() { return connection_.observed; }

  // At `ms`, with `payload` bytes on the wire; the frame is 14 bytes of link header and the number of the packet.
  void packet(Direction direction, std::uint64_t ms, std::uint32_t payload = 0, std::size_t frame = 60) {
    bytes_.assign(frame, static_cast<std::uint8_t>(count_));
    if (frame >= 14) {
      for (std::uint8_t i = 0; i < 12; ++i) bytes_[i] = i;
    }
    Arrival arrival;
    arrival.packet.data = bytes_.data();
    arrival.packet.length = static_cast<std::uint32_t>(frame);
    arrival.packet.wire_length = static_cast<std::uint32_t>(frame + 4);
    arrival.packet.link = link_;
    arrival.packet.ts = {ms * 1'000'000};
    arrival.decoded.wire_payload_length = payload;
    arrival.decoded.vlan_count = 2;
    arrival.decoded.vlans = {7, 8};
    L4Pdu pdu;
    pdu.ts = arrival.packet.ts;
    pdu.wire_length = arrival.packet.wire_length;
    pdu.direction = direction;
    pdu.flags = tcp_flag::ack;
    pdu.window = 1;
    const bool first = count_++ == 0;
    if (first) connection_.record.start = connection_.record.last = pdu.ts;
    observe(connection_, {pdu, arrival, tcp_of(pdu, payload), sequences_, first}, memory());
    connection_.record.last = pdu.ts;
  }
  static TcpHeader tcp_of(const L4Pdu& pdu, std::uint32_t payload) {
    TcpHeader header;
    header.sequence = pdu.sequence;
    header.acknowledgement = pdu.acknowledgement;
    header.payload_length = payload;
    header.flags = pdu.flags;
    header.direction = pdu.direction;
    header.window = pdu.window;
    return header;
  }
  void originator(std::uint64_t ms, std::uint32_t payload = 0) { packet(Direction::FromOriginator, ms, payload); }
  void responder(std::uint64_t ms, std::uint32_t payload = 0) { packet(Direction::FromResponder, ms, payload); }

  // The numbers of the packets in a list.
  static std::vector<int> numbers(const KeptPackets::List& list) {
    std::vector<int> found;
    for (std::size_t i = 0; i < list.view.count; ++i) found.push_back(list.view.packets[i].frame.back());
    return found;
  }

  BlockCache blocks_ = BlockCache::create({.bytes = 1U << 20U}).value();
  BlockPool arenas_ = BlockPool::create({.total_bytes = 1U << 20U}).value();
  TcpSequences sequences_;
  Connection connection_;
  LinkType link_ = LinkType::ethernet;
  unsigned count_ = 0;
  std::vector<std::uint8_t> bytes_;
};

TEST_F(Observe, KeepsNothingThatNobodyWants) {
  originator(0, 10);
  responder(1, 20);
  EXPECT_EQ(connection_.record.originator.packets, 0U);
  EXPECT_EQ(connection_.record.history_length, 0U);
  EXPECT_EQ(observed().arrivals, nullptr);
  EXPECT_EQ(observed().packets, nullptr);
  EXPECT_EQ(observed().link, nullptr);
  EXPECT_EQ(arenas_.use().used, 0U);
}

TEST_F(Observe, CountsPacketsAndBytesByDirection) {
  observed().wanted.what = bit::counters;
  originator(0, 10);
  responder(1, 20);
  originator(2, 5);
  const ConnRecord& record = connection_.record;
  EXPECT_EQ(record.originator.packets, 2U);
  EXPECT_EQ(record.responder.packets, 1U);
  EXPECT_EQ(record.originator.wire_bytes, 128U);
  EXPECT_THAT(observed().sent_payload, ElementsAre(15, 20));
  EXPECT_EQ(record.history(), "Dd");
}

TEST_F(Observe, NotesTheVlansOfTheFirstPacket) {
  originator(0);
  EXPECT_THAT(connection_.record.vlans(), ElementsAre(7, 8));
}

TEST_F(Observe, TimesPacketsByDirectionAndTogether) {
  observed().wanted.what = bit::arrivals;
  originator(0);
  responder(10);
  responder(40);
  originator(100);
  ASSERT_NE(observed().arrivals, nullptr);
  const InterArrivals& times = observed().arrivals->value;
  EXPECT_EQ(times.originator.count, 1U);
  EXPECT_EQ(times.originator.last, Duration{100'000'000});
  EXPECT_EQ(times.responder.count, 1U);
  EXPECT_EQ(times.responder.min, Duration{30'000'000});
  EXPECT_THAT(times.both.first(), ElementsAre(Duration{10'000'000}, Duration{30'000'000}, Duration{60'000'000}));
  EXPECT_EQ(times.both.min, Duration{10'000'000});
  EXPECT_EQ(times.both.max, Duration{60'000'000});
  EXPECT_NEAR(times.both.mean_nanoseconds, 100e6 / 3, 1);
  EXPECT_NEAR(times.both.variance(), 0.00063333, 1e-7);
  EXPECT_NEAR(times.both.deviation(), 0.025166, 1e-6);
}

TEST_F(Observe, TimesOfOnePacketAreNone) {
  observed().wanted.what = bit::arrivals;
  originator(0);
  const InterArrivals& times = observed().arrivals->value;
  EXPECT_EQ(times.both.count, 0U);
  EXPECT_TRUE(times.both.first().empty());
  EXPECT_EQ(times.both.variance(), 0);
}

TEST_F(Observe, KeepsTheFirstTimesAndCountsAll) {
  observed().wanted.what = bit::arrivals;
  for (unsigned i = 0; i < 50; ++i) originator(i);
  const auto& own = observed().arrivals->value.originator;
  EXPECT_EQ(own.count, 49U);
  EXPECT_EQ(own.first().size(), 32U);
  EXPECT_THAT(own.first(), Each(Duration{1'000'000}));
}

TEST_F(Observe, KeepsPacketsFromTheStartEachOnce) {
  observed().wanted.packets = 3;
  observed().wanted.responder_packets = 2;
  for (unsigned i = 0; i < 3; ++i) {
    originator(i);
    responder(i);
  }
  ASSERT_NE(observed().packets, nullptr);
  const KeptPackets& kept = *observed().packets;
  EXPECT_THAT(numbers(kept.both), ElementsAre(0, 1, 2));
  EXPECT_THAT(numbers(kept.originator), ElementsAre());
  EXPECT_THAT(numbers(kept.responder), ElementsAre(1, 3));
  EXPECT_EQ(kept.both.view.packets[1].frame.data(), kept.responder.view.packets[0].frame.data());
  EXPECT_EQ(kept.both.view.packets[1].direction, Direction::FromResponder);
  EXPECT_EQ(kept.both.view.packets[0].wire_length, 64U);
}

TEST_F(Observe, AListEndsBeforeThePacketThatIsTooMuch) {
  observed().wanted.packets = 64;
  packet(Direction::FromOriginator, 0, 0, 40'000);
  packet(Direction::FromOriginator, 1, 0, 30'000);
  packet(Direction::FromOriginator, 2, 0, 60);
  EXPECT_THAT(numbers(observed().packets->both), ElementsAre(0));
}

TEST_F(Observe, AListTakesExactlyWhatItMay) {
  observed().wanted.packets = 2;
  packet(Direction::FromOriginator, 0, 0, KeptPackets::max_bytes - 60);
  originator(1);
  EXPECT_THAT(numbers(observed().packets->both), ElementsAre(0, 1));
}

TEST_F(Observe, WithoutMemoryAListIsEmptyRatherThanFullOfHoles) {
  BlockPool none = BlockPool::create({.total_bytes = 4096}).value();
  ConnectionArena other(none);
  while (other.allocate(256, 1) != nullptr) {
  }
  observed().wanted.packets = 4;
  bytes_.assign(60, 1);
  Arrival arrival;
  arrival.packet.data = bytes_.data();
  arrival.packet.length = 60;
  const L4Pdu pdu;
  observe(connection_, {pdu, arrival, {}, sequences_, true}, {blocks_, none});
  observe(connection_, {pdu, arrival, {}, sequences_, false}, {blocks_, none});
  EXPECT_EQ(observed().packets->both.view.count, 0U);
  forget(observed(), {blocks_, none});
}

TEST_F(Observe, WhatIsWantedOnlyShrinks) {
  observed().wanted.what = bit::counters | bit::arrivals;
  observed().wanted.packets = 8;
  originator(0);
  narrow(observed(), {.what = bit::arrivals | bit::link, .packets = 64, .originator_packets = 1}, memory());
  EXPECT_EQ(observed().wanted, (abi::Observation{.what = bit::arrivals, .packets = 8}));
  narrow(observed(), {.what = bit::link, .packets = 2}, memory());
  EXPECT_EQ(observed().arrivals, nullptr);
  EXPECT_NE(observed().packets, nullptr);
  narrow(observed(), {}, memory());
  EXPECT_EQ(observed().packets, nullptr);
  EXPECT_EQ(arenas_.use().used, 0U);
}

TEST_F(Observe, ReadsTheAddressesOfAnEthernetFrame) {
  observed().wanted.what = bit::link;
  originator(0);
  ASSERT_NE(observed().link, nullptr);
  EXPECT_EQ(observed().link->destination, (MacAddress{{0, 1, 2, 3, 4, 5}}));
  EXPECT_EQ(observed().link->source, (MacAddress{{6, 7, 8, 9, 10, 11}}));
}

TEST_F(Observe, OtherLinksHaveNoAddresses) {
  observed().wanted.what = bit::link;
  link_ = LinkType::raw_ip;
  originator(0);
  ASSERT_NE(observed().link, nullptr);
  EXPECT_FALSE(observed().link->source || observed().link->destination);
}

// The header of a "cooked" capture has the sender's address, where there is one of six bytes.
TEST_F(Observe, CookedCapturesHaveTheSendersAddress) {
  observed().wanted.what = bit::link;
  const auto first = [&](LinkType link, std::vector<std::uint8_t> frame) {
    bytes_ = std::move(frame);
    Arrival arrival;
    arrival.packet.data = bytes_.data();
    arrival.packet.length = static_cast<std::uint32_t>(bytes_.size());
    arrival.packet.link = link;
    const L4Pdu pdu;
    observe(connection_, {pdu, arrival, {}, sequences_, true}, memory());
    const EthAddr found = *observed().link;
    forget(observed(), memory());
    observed().wanted.what = bit::link;
    return found;
  };
  const MacAddress sender{{1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(first(LinkType::linux_sll, {0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0}).source, sender);
  EXPECT_FALSE(first(LinkType::linux_sll, {0, 0, 0, 1, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 0}).source);
  EXPECT_FALSE(first(LinkType::linux_sll, {0, 0, 3, 4, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0}).source);
  EXPECT_FALSE(first(LinkType::linux_sll, {0, 0, 0, 1, 0, 6, 1, 2, 3}).source);
  EXPECT_EQ(first(LinkType::linux_sll2, {8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0}).source, sender);
}

}  // namespace
}  // namespace iris::conn
