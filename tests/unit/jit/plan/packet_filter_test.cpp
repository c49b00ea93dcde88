#include "jit/plan/packet_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include <iris/conn_record.hpp>

#include "jit/index/direct.hpp"

namespace iris::plan {
namespace {

using Kind = Reach::Kind;

filter::Filter parsed(const std::string& text) {
  auto filter = filter::parse(text);
  EXPECT_TRUE(filter) << text;
  return filter ? *filter : filter::Filter{};
}

Reach reach(const std::string& text) {
  const auto filter = parsed(text);
  EXPECT_EQ(filter.clauses.size(), 1U) << text;
  return reach_of(filter.clauses.front());
}

struct Packet {
  FiveTuple tuple;

  [[nodiscard]] PacketFilter::Ends ends(bool from_responder = false) const {
    const Endpoint& src = from_responder ? tuple.responder : tuple.originator;
    const Endpoint& dst = from_responder ? tuple.originator : tuple.responder;
    return {src.port, dst.port, src.ip.bytes, dst.ip.bytes, src.ip.version};
  }
};

Packet packet(IpAddress src, std::uint16_t src_port, IpAddress dst, std::uint16_t dst_port) {
  return {{{src, src_port}, {dst, dst_port}, Transport::Tcp}};
}

std::shared_ptr<const PacketFilter> filter_of(const std::vector<std::string>& texts) {
  PacketFilterBuilder builder;
  for (const std::string& text : texts) {
    for (const auto& clause : parsed(text).clauses) builder.add(reach_of(clause));
  }
  return builder.snapshot();
}

const IpAddress one = IpAddress::v4({10, 1, 2, 3});
const IpAddress other = IpAddress::v4({192, 0, 2, 1});

TEST(Reach, IsWhatTheFirstPacketMustHave) {
  EXPECT_EQ(reach("").kind, Kind::all);
  EXPECT_EQ(reach("tls").kind, Kind::all);
  EXPECT_EQ(reach("tcp").kind, Kind::all);
  EXPECT_EQ(reach("udp").kind, Kind::nothing);
  EXPECT_EQ(reach("quic").kind, Kind::nothing);
  EXPECT_EQ(reach("not tcp").kind, Kind::nothing);
  EXPECT_EQ(reach("not udp").kind, Kind::all);
  EXPECT_EQ(reach("udp.port = 53").kind, Kind::nothing);
  EXPECT_EQ(reach("dns.query = 'x'").kind, Kind::all);
  EXPECT_EQ(reach("tcp.port = 443").kind, Kind::ports);
  EXPECT_EQ(reach("tcp.port = 443").slots, std::vector<std::uint16_t>{443});
  EXPECT_EQ(reach("tcp.dst_port in {80, 8000..8002} and tls").slots,
            (std::vector<std::uint16_t>{80, 8000, 8001, 8002}));
  EXPECT_EQ(reach("not tcp.port = 443").kind, Kind::all);
  EXPECT_EQ(reach("tcp.port != 443").kind, Kind::all);
  EXPECT_EQ(reach("tcp.port > 1000").kind, Kind::all) << "too many to tell apart";
  EXPECT_EQ(reach("ip.addr in 10.1.0.0/16").kind, Kind::networks);
  EXPECT_EQ(reach("ip.addr in 10.1.0.0/16").slots.size(), 1U);
  EXPECT_EQ(reach("ip.addr in 10.0.0.0/8").slots.size(), 256U);
  EXPECT_EQ(reach("ip.addr in 10.0.0.0/7").kind, Kind::all);
  EXPECT_EQ(reach("ip.src_addr = 2001:db8::1").kind, Kind::networks);
  EXPECT_EQ(reach("ip.src_addr in 2000::/3").kind, Kind::all);
  EXPECT_EQ(reach("ip.addr in 10.1.0.0/16 and tcp.port = 443").kind, Kind::ports) << "ports tell more apart";
  EXPECT_EQ(reach("conn.packets > 3").kind, Kind::all);
}

TEST(PacketFilter, LetsPassWhatSomebodyAsksFor) {
  EXPECT_FALSE(filter_of({})->passes(packet(one, 1, other, 443).ends()));
  const auto filter = filter_of({"tcp.port = 443", "ip.addr in 192.0.2.0/24 and tls", "udp"});
  EXPECT_FALSE(filter->passes_all());
  EXPECT_TRUE(filter->passes(packet(one, 443, one, 1).ends()));
  EXPECT_TRUE(filter->passes(packet(one, 1, one, 443).ends()));
  EXPECT_TRUE(filter->passes(packet(one, 1, other, 2).ends()));
  EXPECT_TRUE(filter->passes(packet(other, 1, one, 2).ends()));
  EXPECT_FALSE(filter->passes(packet(one, 1, one, 2).ends()));
  EXPECT_TRUE(filter_of({"tcp.port = 443", "ssh"})->passes_all());
}

TEST(PacketFilter, FollowsWhatComesAndGoes) {
  PacketFilterBuilder builder;
  const Reach port = reach("tcp.port = 443");
  const Reach all = reach("tls");
  const auto none = builder.snapshot();
  EXPECT_EQ(builder.snapshot(), none) << "nothing has changed";
  builder.add(port);
  builder.add(port);
  const auto some = builder.snapshot();
  EXPECT_TRUE(some->passes(packet(one, 1, one, 443).ends()));
  builder.remove(port);
  EXPECT_EQ(builder.snapshot(), some) << "another asks for it";
  builder.add(all);
  const auto everything = builder.snapshot();
  EXPECT_TRUE(everything->passes_all());
  builder.remove(port);
  EXPECT_EQ(builder.snapshot(), everything) << "it lets all pass in any case";
  builder.remove(all);
  EXPECT_FALSE(builder.snapshot()->passes(packet(one, 1, one, 443).ends()));
}

TEST(PacketFilter, OfTwoLetsNothingPassThatOneDoesNot) {
  PacketFilter both = *filter_of({"tcp.port in {80, 443}"});
  both.intersect(*filter_of({"tcp.port in {443, 22}"}));
  EXPECT_TRUE(both.passes(packet(one, 1, one, 443).ends()));
  EXPECT_FALSE(both.passes(packet(one, 1, one, 80).ends()));
  EXPECT_FALSE(both.passes(packet(one, 1, one, 22).ends()));
  both.intersect(*filter_of({"tls"}));
  EXPECT_TRUE(both.passes(packet(one, 1, one, 443).ends()));
  PacketFilter all = *filter_of({"tls"});
  all.intersect(*filter_of({"tcp.port = 22"}));
  EXPECT_TRUE(all.passes(packet(one, 1, one, 22).ends()));
  EXPECT_FALSE(all.passes(packet(one, 1, one, 443).ends()));
}

// Whatever a filter's literals on the five-tuple say of a connection: when they are true, its packets pass.
TEST(PacketFilter, NeverLetsTooLittlePass) {
  std::mt19937 random(1);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  const auto address = [&] {
    if (below(3) == 0) {
      std::array<std::uint8_t, 16> bytes{0x20, 0x01, static_cast<std::uint8_t>(below(2)),
                                         static_cast<std::uint8_t>(below(3))};
      bytes[4] = static_cast<std::uint8_t>(below(2));
      return IpAddress::v6(bytes);
    }
    return IpAddress::v4({static_cast<std::uint8_t>(10 + below(2)), static_cast<std::uint8_t>(below(3)), 0,
                          static_cast<std::uint8_t>(below(2))});
  };
  const std::vector<std::string> atoms{"tcp.port = 3",
                                       "tcp.src_port in 1..2",
                                       "tcp.dst_port in {0, 3}",
                                       "ip.addr in 10.1.0.0/16",
                                       "ip.src_addr in 10.0.0.0/8",
                                       "ip.dst_addr = 11.2.0.1",
                                       "ipv6.addr in 2001:1::/32",
                                       "ip.addr in 2001::/28",
                                       "not tcp.port = 1",
                                       "ip.addr != 10.0.0.0",
                                       "tcp.port >= 2",
                                       "ipv4"};
  unsigned passed = 0;
  unsigned held = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = atoms[below(static_cast<unsigned>(atoms.size()))];
    for (unsigned i = below(3); i > 0; --i) {
      text += (below(2) == 0 ? " and " : " or ") + atoms[below(static_cast<unsigned>(atoms.size()))];
    }
    const auto filter = filter::parse(text);
    if (!filter) continue;  // it contradicts itself
    const auto packet_filter = filter_of({text});
    for (int i = 0; i < 20; ++i) {
      IpAddress src = address();
      IpAddress dst = address();
      if (src.version != dst.version) dst = src;
      const Packet sample =
          packet(src, static_cast<std::uint16_t>(below(5)), dst, static_cast<std::uint16_t>(below(5)));
      ConnRecord record;
      record.tuple = sample.tuple;
      const bool holds = std::ranges::any_of(filter->clauses, [&](const filter::Clause& clause) {
        return std::ranges::all_of(clause, [&](const filter::Literal& literal) {
          return index::holds(literal.predicate, &record) != literal.negated;
        });
      });
      held += holds ? 1 : 0;
      passed += packet_filter->passes(sample.ends()) ? 1 : 0;
      if (!holds) continue;
      EXPECT_TRUE(packet_filter->passes(sample.ends())) << text;
      EXPECT_TRUE(packet_filter->passes(sample.ends(true))) << text;
    }
  }
  EXPECT_GT(held, 5000U);
  EXPECT_LT(passed, 58000U) << "it lets everything pass";
}

}  // namespace
}  // namespace iris::plan
