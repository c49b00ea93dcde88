// Frames to arrivals: the layers of tunnels, datagrams from fragments, what gives nothing and why.
#include "daemon/worker/intake.hpp"

#include <gmock/gmock.h>

#include <string>

#include "tests/unit/daemon/worker/frames.hpp"

namespace iris::worker {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;

// What an arrival says, in a form that a failed test can print.
struct Seen {
  std::string payload;
  std::uint16_t port = 0;  // source
  unsigned depth = 0;
  std::uint32_t tunnel = 0;
  bool operator==(const Seen&) const = default;
  friend void PrintTo(const Seen& seen, std::ostream* out) {
    *out << '"' << seen.payload << "\" from port " << seen.port << " depth " << seen.depth << " tunnel " << seen.tunnel;
  }
};

class Intakes : public testing::Test {
 protected:
  void TearDown() override {
    intake_.reset();
    EXPECT_EQ(packets_.alive(), 0U) << "not every reference was released";
  }

  void use(const IntakeOptions& options) { intake_ = std::make_unique<Intake>(options, packets_); }

  std::vector<Seen> take(const std::vector<Bytes>& frames) {
    std::vector<source::PacketRef> burst;
    for (const Bytes& frame : frames) burst.push_back(packets_.make(frame));
    std::vector<Seen> seen;
    numbers_.clear();
    for (const conn::Arrival& arrival : intake_->take(burst)) {
      const auto payload = arrival.decoded.payload(arrival.packet.bytes());
      seen.push_back(
          {{payload.begin(), payload.end()}, arrival.decoded.src_port, arrival.decoded.depth, arrival.decoded.tunnel});
      numbers_.push_back(arrival.number);
      vlans_ = {arrival.decoded.vlan_ids().begin(), arrival.decoded.vlan_ids().end()};
    }
    packets_.release(burst);
    return seen;
  }
  [[nodiscard]] const IntakeCounters& counters() const { return intake_->counters(); }

  Packets packets_;
  std::unique_ptr<Intake> intake_ = std::make_unique<Intake>(IntakeOptions{}, packets_);
  std::vector<std::uint64_t> numbers_;  // of the arrivals last taken
  std::vector<std::uint16_t> vlans_;    // of the last of them
};

const Bytes inner = ipv4(6, tcp(10, 20, text("inner")), {.from = 3, .to = 4});
Bytes in_vxlan(const Bytes& packet) { return ethernet(ipv4(17, udp(1000, 4789, vxlan(9, ethernet(packet))))); }
const std::string vxlan_payload = [] {
  const Bytes bytes = vxlan(9, ethernet(inner));
  return std::string(bytes.begin(), bytes.end());
}();

TEST_F(Intakes, PlainPacketsInTheirOrder) {
  EXPECT_THAT(take({ethernet(ipv4(17, udp(1, 2, text("a")))), ethernet(ipv4(6, tcp(3, 4, text("b"))))}),
              ElementsAre(Seen{"a", 1}, Seen{"b", 3}));
  const std::uint64_t first = numbers_.at(0);
  EXPECT_THAT(numbers_, ElementsAre(first, first + conn::Arrival::layers));
  EXPECT_EQ(counters().packets, 2U);
  EXPECT_EQ(counters().bytes, 14U + 20 + 9 + 14 + 20 + 21);
  EXPECT_EQ(counters().undecoded(), 0U);
}

TEST_F(Intakes, WhatGivesNothingIsCountedByItsReason) {
  EXPECT_THAT(take({ethernet(Bytes(28), 0x0806), ethernet(ipv4(1, Bytes(8))), Bytes(5), ethernet(part(inner, 0, 10)),
                    ethernet(Bytes{0x41} + part(inner, 1))}),
              IsEmpty());
  EXPECT_EQ(counters().packets, 5U);
  EXPECT_EQ(counters().not_ip, 1U);
  EXPECT_EQ(counters().other_transport, 1U);
  EXPECT_EQ(counters().truncated + counters().malformed, 3U);
  EXPECT_EQ(counters().undecoded(), 5U);
}

TEST_F(Intakes, AnEmptyBurst) { EXPECT_THAT(take({}), IsEmpty()); }

TEST_F(Intakes, AllLayersOutermostFirst) {
  EXPECT_THAT(take({in_vxlan(inner)}), ElementsAre(Seen{vxlan_payload, 1000}, Seen{"inner", 10, 1, 9}));
  EXPECT_EQ(numbers_.at(1), numbers_.at(0) + 1);
}

TEST_F(Intakes, TheInnermostLayerAlone) {
  use({.layers = Layers::inner});
  EXPECT_THAT(take({in_vxlan(inner), ethernet(ipv4(17, udp(1, 2, text("plain"))))}),
              ElementsAre(Seen{"inner", 10, 1, 9}, Seen{"plain", 1}));
}

TEST_F(Intakes, TheOutermostLayerAlone) {
  use({.layers = Layers::outer});
  EXPECT_THAT(take({in_vxlan(inner), ethernet(ipv4(47, gre(inner)))}), ElementsAre(Seen{vxlan_payload, 1000}));
  EXPECT_EQ(counters().other_transport, 1U) << "GRE is not a packet of a connection";
}

TEST_F(Intakes, TunnelsWithoutPortsHaveNoOuterLayer) {
  EXPECT_THAT(take({ethernet(ipv4(47, gre(inner))), ethernet(ipv4(4, inner))}),
              ElementsAre(Seen{"inner", 10, 1}, Seen{"inner", 10, 1}));
  EXPECT_EQ(counters().undecoded(), 0U);
}

TEST_F(Intakes, ATunnelThatIsNotLookedInto) {
  use({.tunnels = {.vxlan = false}});
  EXPECT_THAT(take({in_vxlan(inner)}), ElementsAre(Seen{vxlan_payload, 1000}));
}

TEST_F(Intakes, AnInnerPacketOfNoConnection) {
  const Bytes ping = ipv4(1, Bytes(8));
  EXPECT_THAT(take({ethernet(ipv4(47, gre(ping)))}), IsEmpty());
  EXPECT_EQ(counters().other_transport, 1U);
  use({.layers = Layers::inner});
  EXPECT_THAT(take({in_vxlan(ping)}), IsEmpty());
  EXPECT_EQ(counters().other_transport, 1U);
}

TEST_F(Intakes, ManyLayersInAWholeBurst) {
  Bytes nested = ipv4(6, tcp(10, 20, text("x")));
  for (int i = 0; i < 4; ++i) nested = ipv4(17, udp(1000, 4789, vxlan(9, ethernet(nested))));
  const auto seen = take(std::vector<Bytes>(conn::max_burst, ethernet(nested)));
  EXPECT_EQ(seen.size(), conn::max_burst * 5);
  EXPECT_EQ(seen.back(), (Seen{"x", 10, 4, 9}));
}

TEST_F(Intakes, TunnelsDeeperThanTheLimit) {
  use({.tunnels = {.depth = 2}, .layers = Layers::inner});
  Bytes nested = ipv4(6, tcp(10, 20, text("x")));
  for (int i = 0; i < 3; ++i) nested = ipv4(17, udp(1000, 4789, vxlan(9, ethernet(nested))));
  const auto seen = take({ethernet(nested)});
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].depth, 2U);
  EXPECT_EQ(seen[0].port, 1000);
}

TEST_F(Intakes, ADatagramComesWithTheLastOfItsFragments) {
  const auto [one, two] = halves(17, udp(1, 2, text("both together")), 16);
  EXPECT_THAT(take({tagged(5, one)}), IsEmpty());
  EXPECT_EQ(counters().fragments, 1U);
  EXPECT_THAT(take({ethernet(ipv4(6, tcp(3, 4, text("between")))), tagged(5, two)}),
              ElementsAre(Seen{"between", 3}, Seen{"both together", 1}));
  EXPECT_THAT(vlans_, ElementsAre(5)) << "those of the fragments";
  EXPECT_EQ(counters().reassembled().datagrams, 1U);
  EXPECT_EQ(counters().fragments, 1U) << "the second fragment gave something";
  EXPECT_EQ(counters().undecoded(), 0U);
}

TEST_F(Intakes, FragmentsInATunnel) {
  const auto [one, two] = halves(17, udp(1, 2, text("both together")), 16);
  EXPECT_EQ(take({in_vxlan(one)}).size(), 1U) << "the outer layer";
  const auto seen = take({in_vxlan(two)});
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[1], (Seen{"both together", 1, 1, 9}));
  EXPECT_EQ(numbers_.at(1), numbers_.at(0) + 1);
}

TEST_F(Intakes, AFragmentedTunnel) {
  const auto [one, two] = halves(17, udp(1000, 4789, vxlan(9, ethernet(inner))), 24);
  EXPECT_THAT(take({ethernet(two)}), IsEmpty());
  EXPECT_THAT(take({ethernet(one)}), ElementsAre(Seen{vxlan_payload, 1000}, Seen{"inner", 10, 1, 9}));
}

// What the event Packet is of: `depth status` of each layer.
class Layered : public Intakes {
 protected:
  std::vector<std::string> layers(const std::vector<Bytes>& frames) {
    std::vector<source::PacketRef> burst;
    for (const Bytes& frame : frames) burst.push_back(packets_.make(frame));
    (void)intake_->take(burst, true);
    std::vector<std::string> found;
    for (const Layer& layer : intake_->layers()) {
      const bool is_new = numbers_.empty() || layer.arrival.number > numbers_.back();
      EXPECT_TRUE(is_new) << "each layer once, in order";
      numbers_.push_back(layer.arrival.number);
      found.push_back(std::to_string(layer.arrival.number % conn::Arrival::layers) + " " + name(layer.status));
    }
    packets_.release(burst);
    return found;
  }
  static std::string name(parsers::packet::DecodeStatus status) {
    using parsers::packet::DecodeStatus;
    return status == DecodeStatus::ok ? "ok" : status == DecodeStatus::fragment ? "fragment" : "other";
  }
};

TEST_F(Layered, EveryFrameAndWhatIsInside) {
  EXPECT_THAT(layers({ethernet(Bytes(28), 0x0806), ethernet(inner), in_vxlan(inner), ethernet(ipv4(47, gre(inner)))}),
              ElementsAre("0 other", "0 ok", "0 ok", "1 ok", "0 other", "1 ok"));
}

TEST_F(Layered, WhateverIsWantedOfConnections) {
  use({.layers = Layers::inner});
  EXPECT_THAT(layers({in_vxlan(inner)}), ElementsAre("0 ok", "1 ok"));
}

TEST_F(Layered, FragmentsAndWhatTheirDatagramHolds) {
  const auto [one, two] = halves(17, udp(1000, 4789, vxlan(9, ethernet(inner))), 24);
  EXPECT_THAT(layers({ethernet(one), ethernet(two)}), ElementsAre("0 fragment", "0 fragment", "1 ok"));
}

TEST_F(Layered, NothingWhereNobodyAsks) {
  EXPECT_EQ(take({in_vxlan(inner)}).size(), 2U);
  EXPECT_THAT(intake_->layers(), IsEmpty());
}

TEST_F(Intakes, FragmentsThatWaitTooLong) {
  const auto [one, two] = halves(17, udp(1, 2, text("both together")), 16);
  EXPECT_THAT(take({ethernet(one)}), IsEmpty());
  intake_->expire({100'000'000'000});
  EXPECT_THAT(take({}), IsEmpty());
  EXPECT_EQ(packets_.alive(), 0U);
  EXPECT_EQ(counters().reassembled().expired, 1U);
}

}  // namespace
}  // namespace iris::worker
