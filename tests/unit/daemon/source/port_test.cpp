// Ports: devices that exist and those that do not, and what a worker receives from them.
#include "daemon/source/port.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <rte_eth_ring.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/unit/daemon/source/eal_environment.hpp"

namespace iris::source {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Devices : public WithEal {};

TEST_F(Devices, ThatNoDriverKnows) {
  EXPECT_EQ(
      refused({.device = "net_bogus0"}),
      "port 'net_bogus0': the device could not be created (no driver or bus of DPDK knows a device of this name)");
}

TEST_F(Devices, OfAnInterfaceThatIsNotThere) {
  EXPECT_THAT(refused({.device = "net_af_packet9,iface=nope"}),
              AllOf(StartsWith("port 'net_af_packet9,iface=nope': the device could not be created ("),
                    HasSubstr("net_af_packet9")));
}

TEST_F(Devices, OfAFileThatIsNotThere) {
  EXPECT_THAT(refused({.device = "net_pcap0,rx_pcap=/nope"}), HasSubstr("No such file or directory"));
}

TEST_F(Devices, WithArgumentsThatItsDriverRefuses) {
  EXPECT_EQ(
      refused({.device = "net_null0,bogus=1"}),
      "port 'net_null0,bogus=1': the device could not be created (its driver refuses it; are its arguments right?)");
}

TEST_F(Devices, OnABusWithoutIt) {
  EXPECT_THAT(refused({.device = "0000:ff:1f.7"}),
              StartsWith("port '0000:ff:1f.7': the device could not be created ("));
}

TEST_F(Devices, InUseAlready) {
  const auto port = opened({.device = "net_null0"});
  EXPECT_EQ(refused({.device = "net_null0"}),
            "port 'net_null0': the device could not be created (it is in use already)");
}

TEST_F(Devices, AfterAFailureCanBeOpenedRightly) {
  EXPECT_THAT(refused({.device = "net_null0", .mtu = 20}), HasSubstr("port 'net_null0': expected an mtu from 46 to"));
  EXPECT_NE(opened({.device = "net_null0"}), nullptr);
}

TEST_F(Devices, CanBeOpenedAgainOnceClosed) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(opened({.device = "net_null0,size=80"})->device(), "net_null0");
}

TEST_F(Devices, WithMoreDescriptorsThanThePoolHasBuffers) {
  EXPECT_NE(opened({.device = "net_null0", .rx_descriptors = 32768}), nullptr);
}

TEST_F(Devices, ThatSpreadPacketsHaveAQueueForEachWorker) {
  const auto port = opened({.device = "net_null0", .queues = 4});
  EXPECT_EQ(port->queues(), 4);
  EXPECT_FALSE(port->hardware_timestamps());
  EXPECT_EQ(source_of(*port, 3, 4).queues(), 1u);
  EXPECT_EQ(source_of(*port, 4, 5).queues(), 0u);
}

TEST_F(Devices, ThatCannotSpreadServeOneWorker) {
  const auto file = write("a.pcap", Pcap().packet(1, 0, std::string(60, 'x')).text());
  const auto port = opened({.device = "net_pcap0,rx_pcap=" + file.string(), .queues = 4});
  EXPECT_EQ(port->queues(), 1);
  EXPECT_EQ(source_of(*port, 0).queues(), 1u);
  PortSource other = source_of(*port, 1);
  EXPECT_EQ(other.queues(), 0u);
  EXPECT_THAT(receive_texts(other), IsEmpty());
  EXPECT_EQ(other.counters().missed, 0u);
}

TEST_F(Devices, ThatCannotSpreadAreDealtOut) {
  const auto file = write("a.pcap", Pcap().packet(1, 0, std::string(60, 'x')).text());
  std::vector<std::unique_ptr<Port>> ports;
  std::vector<const Port*> all;
  for (int i = 0; i < 3; ++i) {
    ports.push_back(opened({.device = "net_pcap" + std::to_string(i) + ",rx_pcap=" + file.string(), .queues = 2}));
    all.push_back(ports.back().get());
  }
  PortSource first(all, 0, 2);
  PortSource second(all, 1, 2);
  EXPECT_EQ(first.queues(), 2U);
  EXPECT_EQ(second.queues(), 1U);
  EXPECT_THAT(receive_texts(second), testing::SizeIs(1));
}

// Sends a datagram to a port of this machine where nobody listens.
void send_datagram(const std::string& text) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::sendto(socket, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  ::close(socket);
}

TEST_F(Devices, TheKernelsLoopback) {
  if (geteuid() != 0) GTEST_SKIP() << "packet sockets are root's";
  const auto port = opened({.device = "net_af_packet0,iface=lo,blocksz=65536,framesz=2048,framecnt=512", .queues = 2});
  ASSERT_NE(port, nullptr);
  EXPECT_EQ(port->queues(), 1);
  PortSource source = source_of(*port);
  const std::string text = "iris-loopback-" + std::to_string(getpid());
  bool seen = false;
  for (int tries = 0; tries < 1000 && !seen; ++tries) {
    if (tries % 100 == 0) send_datagram(text);
    const std::vector<std::string> packets = receive_texts(source);
    seen = std::ranges::any_of(packets, [&](const std::string& packet) { return packet.ends_with(text); });
    if (!seen) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(seen);
}

TEST_F(Devices, Null) {
  const auto port = opened({.device = "net_null0,size=100"});
  PortSource source = source_of(*port);
  const Timestamp before = source.now();
  std::vector<PacketRef> burst(32);
  ASSERT_EQ(source.receive(burst), 32u);
  EXPECT_GE(source.now(), before);
  for (const PacketRef& packet : burst) {
    EXPECT_EQ(packet.length, 100u);
    EXPECT_EQ(packet.wire_length, 100u);
    EXPECT_EQ(packet.ts, source.now());
  }
  EXPECT_EQ(pool_->in_use(), 32u);
  source.release(burst);
  EXPECT_EQ(pool_->in_use(), 0u);
  EXPECT_FALSE(source.exhausted());
  EXPECT_EQ(source.counters().packets, 32u);
  EXPECT_EQ(source.counters().bytes, 3200u);
}

TEST_F(Devices, AnEmptyPoolGivesNothingAndRecovers) {
  const auto port = opened({.device = "net_null0"});
  PortSource source = source_of(*port);
  std::vector<PacketRef> held;
  std::vector<PacketRef> burst(64);
  while (const std::size_t count = source.receive(burst))
    held.insert(held.end(), burst.begin(), burst.begin() + static_cast<long>(count));
  EXPECT_GT(held.size(), 1900u);
  source.release(held);
  EXPECT_EQ(receive_texts(source, 1).size(), 1u);
}

TEST_F(Devices, PressureComesAndGoesWithWhatIsHeld) {
  const auto port = opened({.device = "net_null0"});
  PortSource source = source_of(*port);
  std::vector<PacketRef> held;
  std::vector<PacketRef> burst(32);
  const auto receive = [&] {
    const std::size_t count = source.receive(burst);
    held.insert(held.end(), burst.begin(), burst.begin() + static_cast<long>(count));
    return count;
  };
  const auto release_down_to = [&](std::size_t count) {
    source.release(std::span(held).subspan(count));
    held.resize(count);
    for (int i = 0; i < 16; ++i) {  // it is measured now and then
      const std::size_t received = source.receive(burst);
      source.release(std::span(burst).first(received));
    }
  };
  ASSERT_EQ(receive(), 32U);
  EXPECT_EQ(source.pressure(), Pressure::none);
  EXPECT_EQ(source.pressure_state().since, Timestamp{});
  const Timestamp before = source.now();
  while (source.pressure() == Pressure::none && receive() != 0) {
  }
  EXPECT_EQ(source.pressure(), Pressure::low);
  while (source.pressure() == Pressure::low && receive() != 0) {
  }
  for (int i = 0; i < 16; ++i) receive();
  EXPECT_EQ(source.pressure(), Pressure::critical);
  PressureState state = source.pressure_state();
  EXPECT_EQ(state.low, 1U);
  EXPECT_EQ(state.critical, 1U);
  EXPECT_GE(state.since, before);
  EXPECT_LE(state.since, source.now());
  release_down_to(100);
  EXPECT_EQ(source.pressure(), Pressure::none);
  state = source.pressure_state();
  EXPECT_EQ(state.now, Pressure::none);
  EXPECT_EQ(state.low, 1U);
  release_down_to(0);
}

TEST_F(Devices, ASourceWithoutPortsIsUnderNoPressure) {
  PortSource source({}, 0, 1);
  EXPECT_THAT(receive_texts(source), IsEmpty());
  EXPECT_EQ(source.pressure(), Pressure::none);
}

TEST_F(Devices, FileOfDpdksOwn) {
  const std::string data(60, 'x');
  const auto file = write("a.pcap", Pcap(microseconds_magic).packet(1, 0, data).packet(2, 0, data + "y").text());
  const auto port = opened({.device = "net_pcap0,rx_pcap=" + file.string()});
  PortSource source = source_of(*port);
  EXPECT_THAT(receive_texts(source), ElementsAre(data, data + "y"));
}

// Ports made of rings, into which a test puts what is to be received.
class Rings : public WithEal {
 protected:
  struct Ring {
    rte_ring* ring = nullptr;
    std::unique_ptr<Port> port;

    Ring() = default;
    Ring(Ring&&) = default;
    Ring& operator=(Ring&&) = delete;
    ~Ring() {
      port.reset();
      rte_ring_free(ring);
    }
  };

  Ring ring(const std::string& name) {
    Ring made;
    made.ring = rte_ring_create(name.c_str(), 1024, SOCKET_ID_ANY, 0);
    const int id = rte_eth_from_ring(made.ring);
    EXPECT_GE(id, 0);
    Result<std::unique_ptr<Port>> port = Port::adopt(static_cast<std::uint16_t>(id), {.device = name}, *pool_);
    if (!port) ADD_FAILURE() << port.error().message;
    if (port) made.port = *std::move(port);
    return made;
  }

  // One buffer for each part.
  void put(const Ring& to, const std::vector<std::string>& parts) {
    rte_mbuf* head = nullptr;
    for (const std::string& part : parts) {
      rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_->packets());
      ASSERT_NE(mbuf, nullptr);
      char* room = rte_pktmbuf_append(mbuf, static_cast<std::uint16_t>(part.size()));
      ASSERT_NE(room, nullptr);
      std::ranges::copy(part, room);
      if (head == nullptr) {
        head = mbuf;
      } else {
        ASSERT_EQ(rte_pktmbuf_chain(head, mbuf), 0);
      }
    }
    ASSERT_EQ(rte_ring_enqueue(to.ring, head), 0);
  }
};

TEST_F(Rings, InOrder) {
  const Ring a = ring("a");
  for (int i = 0; i < 100; ++i) put(a, {std::to_string(i)});
  PortSource source = source_of(*a.port);
  int next = 0;
  for (std::vector<std::string> texts; !(texts = receive_texts(source, 7)).empty();) {
    for (const std::string& text : texts) EXPECT_EQ(text, std::to_string(next++));
  }
  EXPECT_EQ(next, 100);
  EXPECT_EQ(source.counters().packets, 100u);
}

TEST_F(Rings, ABurstLargerThanAnyQueueGives) {
  const Ring a = ring("a");
  for (int i = 0; i < 200; ++i) put(a, {"x"});
  PortSource source = source_of(*a.port);
  std::size_t sum = 0;
  while (const std::size_t count = receive_texts(source, 512).size()) sum += count;
  EXPECT_EQ(sum, 200u);
  EXPECT_EQ(source.receive({}), 0u);
}

TEST_F(Rings, HeldPacketsStay) {
  const Ring a = ring("a");
  for (int i = 0; i < 3; ++i) put(a, {std::to_string(i)});
  PortSource source = source_of(*a.port);
  std::vector<PacketRef> burst(8);
  ASSERT_EQ(source.receive(burst), 3u);
  burst.resize(3);
  const std::vector<PacketRef> held = {burst[1]};
  source.hold(held[0]);
  source.hold(held[0]);
  source.release(burst);
  EXPECT_EQ(pool_->in_use(), 1u);
  for (int i = 0; i < 100; ++i) {  // others come and go meanwhile
    put(a, {"other"});
    receive_texts(source);
  }
  EXPECT_EQ(text_of(held[0]), "1");
  source.release(held);
  EXPECT_EQ(pool_->in_use(), 1u);
  source.release(held);
  EXPECT_EQ(pool_->in_use(), 0u);
}

TEST_F(Rings, BusyPortsDoNotStarveOthers) {
  const Ring a = ring("a");
  const Ring b = ring("b");
  for (int i = 0; i < 300; ++i) put(a, {"a"});
  put(b, {"b"});
  const std::vector<const Port*> ports = {a.port.get(), b.port.get()};
  PortSource source(ports, 0, 1);
  EXPECT_EQ(source.queues(), 2u);
  std::vector<std::string> texts = receive_texts(source, 16);
  const std::vector<std::string> more = receive_texts(source, 16);
  texts.insert(texts.end(), more.begin(), more.end());
  EXPECT_EQ(std::ranges::count(texts, "b"), 1);
  while (!receive_texts(source).empty()) continue;
}

TEST_F(Rings, ShortPartsAreJoinedInPlace) {
  const Ring a = ring("a");
  put(a, {"one", "two", "three"});
  PortSource source = source_of(*a.port);
  EXPECT_THAT(receive_texts(source), ElementsAre("onetwothree"));
}

TEST_F(Rings, LongPartsAreJoinedInALargeBuffer) {
  const Ring a = ring("a");
  const std::vector<std::string> parts = {std::string(2048, 'a'), std::string(2048, 'b'), "c"};
  put(a, parts);
  PortSource source = source_of(*a.port);
  EXPECT_THAT(receive_texts(source), ElementsAre(parts[0] + parts[1] + parts[2]));
  EXPECT_EQ(source.counters().missed, 0u);
}

TEST_F(Rings, PacketsTooLargeForAnyBufferAreCounted) {
  const Ring a = ring("a");
  put(a, std::vector<std::string>(32, std::string(2048, 'x')));  // 65536 bytes
  put(a, {"next"});
  PortSource source = source_of(*a.port);
  EXPECT_THAT(receive_texts(source), ElementsAre("next"));
  EXPECT_EQ(source.counters().missed, 1u);
  EXPECT_EQ(source.counters().packets, 1u);
}

TEST_F(Rings, ManyLongPacketsHeldUseUpTheLargeBuffers) {
  const Ring a = ring("a");
  PortSource source = source_of(*a.port);
  std::vector<PacketRef> held;
  std::vector<PacketRef> burst(1);
  for (int i = 0; i < 200; ++i) {
    put(a, {std::string(2048, 'a'), "b"});
    if (source.receive(burst) == 1) held.push_back(burst[0]);
  }
  EXPECT_EQ(held.size(), 127u);
  EXPECT_EQ(source.counters().missed, 73u);
  source.release(held);
}

TEST_F(Rings, ComposedPacketsAreHeldLikeReceivedOnes) {
  const Ring a = ring("a");
  PortSource source = source_of(*a.port);
  std::vector<PacketRef> packets;
  for (const std::uint32_t length : {1u, 2176u, 2177u, longest_composed}) {
    const Room room = source.compose(length);
    ASSERT_NE(room.data, nullptr);
    std::memset(room.data, 'x', length);
    packets.push_back({room.data, length, length, {}, room.handle});
  }
  EXPECT_EQ(pool_->in_use(), 4u);
  source.hold(packets[3]);
  source.release(packets);
  EXPECT_EQ(pool_->in_use(), 1u);
  EXPECT_EQ(text_of(packets[3]), std::string(longest_composed, 'x'));
  source.release(std::span(packets).last(1));
  EXPECT_EQ(pool_->in_use(), 0u);

  put(a, {std::string(2048, 'a'), "b"});  // the buffers are as they were
  EXPECT_THAT(receive_texts(source), ElementsAre(std::string(2048, 'a') + "b"));
}

TEST_F(Rings, ComposingStopsWhereTheLargeBuffersEnd) {
  const Ring a = ring("a");
  PortSource source = source_of(*a.port);
  const std::size_t large = rte_mempool_avail_count(pool_->large());
  std::vector<PacketRef> held;
  for (std::size_t i = 0; i < large + 10; ++i) {
    const Room room = source.compose(3000);
    if (room.data != nullptr) held.push_back({room.data, 3000, 3000, {}, room.handle});
  }
  EXPECT_EQ(held.size(), large);
  const Room small = source.compose(100);
  EXPECT_NE(small.data, nullptr) << "those are many";
  held.push_back({small.data, 100, 100, {}, small.handle});
  source.release(held);
  const Room again = source.compose(3000);
  ASSERT_NE(again.data, nullptr);
  source.release(std::vector<PacketRef>{{again.data, 3000, 3000, {}, again.handle}});
}

TEST_F(Rings, WhatIsTooLongOrHasNoPoolIsNotComposed) {
  const Ring a = ring("a");
  PortSource source = source_of(*a.port);
  EXPECT_EQ(source.compose(longest_composed + 1).data, nullptr);
  PortSource without({}, 0, 1);
  EXPECT_EQ(without.compose(100).data, nullptr);
}

TEST(SymmetricKey, RepeatsEverySixteenBits) {
  for (std::size_t i = 0; i < symmetric_rss_key.size(); ++i) EXPECT_EQ(symmetric_rss_key[i], i % 2 == 0 ? 0x6d : 0x5a);
}

}  // namespace
}  // namespace iris::source
