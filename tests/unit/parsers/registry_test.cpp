#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iris/protocols/tls.hpp>

#include <cstring>
#include <map>
#include <set>
#include <string_view>

#include <iris/conn_record.hpp>

#include "parsers/api.hpp"
#include "parsers/packet/facts.hpp"

namespace iris::parsers {
namespace {

const Field& field(std::string_view protocol, std::string_view name) {
  const Protocol* found = find_protocol(protocol);
  if (found != nullptr) {
    for (const Field& candidate : found->fields) {
      if (candidate.name == name) return candidate;
    }
  }
  ADD_FAILURE() << "no field " << protocol << '.' << name;
  return service_field;
}

template <class Value, class Object>
Value read(const Object& object, const Field& from, unsigned alternative = 0) {
  Value value{};
  EXPECT_LE(from.offsets[alternative] + sizeof value, sizeof object);
  std::memcpy(&value, reinterpret_cast<const char*>(&object) + from.offsets[alternative], sizeof value);
  return value;
}

FiveTuple some_tuple() {
  FiveTuple tuple;
  tuple.originator = {IpAddress::v4({10, 0, 0, 1}), 50000};
  tuple.responder = {IpAddress::v4({192, 0, 2, 1}), 443};
  tuple.transport = Transport::Udp;
  return tuple;
}

TEST(Registry, EntryZeroIsNone) {
  ASSERT_FALSE(registry().empty());
  EXPECT_TRUE(registry()[0].name.empty());
  EXPECT_FALSE(registry()[0].has_sessions());
  EXPECT_EQ(find_protocol(""), nullptr);
  EXPECT_EQ(find_protocol("nonsense"), nullptr);
  EXPECT_EQ(find_protocol("TLS"), nullptr);
}

TEST(Registry, NamesAreDistinctAndFound) {
  std::set<std::string_view> names;
  for (const Protocol& protocol : registry()) {
    EXPECT_TRUE(names.insert(protocol.name).second) << protocol.name;
    if (!protocol.name.empty()) EXPECT_EQ(find_protocol(protocol.name), &protocol);
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"ip", "ipv4", "ipv6", "tcp", "udp", "tls"}));
}

TEST(Registry, ProtocolsWithSessionsAreKnownByTheirNumber) {
  for (std::size_t number = 1; number < registry().size(); ++number) {
    const Protocol& protocol = registry()[number];
    SCOPED_TRACE(protocol.name);
    EXPECT_EQ(protocol.has_sessions(), !protocol.session_type.empty());
    EXPECT_TRUE(protocol.is_application() || !protocol.has_sessions());
    if (!protocol.is_application()) continue;
    EXPECT_EQ(protocol.presence, &service_field);
    EXPECT_EQ(protocol.presence_value, number);
  }
  EXPECT_EQ(service_field.level, Level::protocol);
  EXPECT_EQ(service_field.width, 4);
}

TEST(Registry, EveryFieldIsSane) {
  std::set<const Field*> seen;
  for (const Protocol& protocol : registry()) {
    if (!protocol.implies.empty()) EXPECT_NE(find_protocol(protocol.implies), nullptr) << protocol.implies;
    std::set<std::pair<std::string_view, Part>> names;
    for (const Field& each : protocol.fields) {
      SCOPED_TRACE(testing::Message() << protocol.name << '.' << each.name);
      EXPECT_TRUE(names.insert({each.name, each.part}).second);
      EXPECT_TRUE(seen.insert(&each).second);
      EXPECT_FALSE(each.doc.empty());
      if (protocol.name != "conn") EXPECT_EQ(each.level, protocol.has_sessions() ? Level::session : Level::tuple);
      EXPECT_EQ(each.type == FieldType::number, each.width != 0);
      EXPECT_THAT(each.alternatives, testing::AnyOf(1, 2));
    }
  }
}

TEST(Registry, ListsAndTextsHaveParts) {
  const Protocol& tls = *find_protocol("tls");
  const auto part = [&](std::string_view name, Part wanted) {
    const auto found =
        std::ranges::find_if(tls.fields, [&](const Field& each) { return each.name == name && each.part == wanted; });
    return found == tls.fields.end() ? nullptr : &*found;
  };
  const Field* list = part("client_ciphers", Part::value);
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(part("client_ciphers", Part::every)->offsets[0], list->offsets[0]);
  EXPECT_EQ(part("client_ciphers", Part::length)->width, 8U);
  EXPECT_EQ(part("sni", Part::every), nullptr) << "no list";
  EXPECT_EQ(part("sni", Part::length)->type, FieldType::number);
  EXPECT_EQ(part("version", Part::length), nullptr);
  EXPECT_EQ(part("ja3", Part::length), nullptr) << "computed";
}

// ---- sample -----------------------------------------------------------------------------------------------------

std::uint64_t sample_of(const FiveTuple& tuple) {
  const auto found = std::ranges::find(find_protocol("conn")->fields, Part::sample, &Field::part);
  ConnRecord record;
  record.tuple = tuple;
  return found->computed.number(&record);
}

FiveTuple numbered_tuple(std::uint32_t number) {
  FiveTuple tuple = some_tuple();
  tuple.originator.port = static_cast<std::uint16_t>(number);
  tuple.responder.ip.bytes[15] = static_cast<std::uint8_t>(number >> 16U);
  return tuple;
}

TEST(ConnSchema, BothDirectionsAreInOneSample) {
  for (std::uint32_t i = 0; i < 100; ++i) {
    const FiveTuple tuple = numbered_tuple(i);
    FiveTuple turned = tuple;
    std::swap(turned.originator, turned.responder);
    EXPECT_EQ(sample_of(tuple), sample_of(turned));
    turned.transport = Transport::Tcp;
    EXPECT_NE(sample_of(tuple), sample_of(turned));
  }
}

TEST(ConnSchema, SamplesAreEven) {
  constexpr std::uint32_t tuples = 1U << 18U;
  std::array<std::uint32_t, 64> buckets{};
  for (std::uint32_t i = 0; i < tuples; ++i) {
    const std::uint64_t sample = sample_of(numbered_tuple(i));
    ASSERT_LT(sample, std::uint64_t{1} << 32U);
    ++buckets[sample >> 26U];
  }
  // 4096 expected of each; the deviation is 64.
  for (const std::uint32_t bucket : buckets) EXPECT_NEAR(bucket, 4096, 5 * 64);
}

TEST(ConnSchema, TheSampleIsTheSameOnEveryMachine) { EXPECT_EQ(sample_of(some_tuple()), 1877527463U); }

TEST(PacketSchema, Presence) {
  EXPECT_EQ(find_protocol("ip")->presence, &field("ip", "version"));
  EXPECT_EQ(find_protocol("ip")->presence_value, 4U);
  EXPECT_EQ(find_protocol("ip")->presence_other, 6U);
  EXPECT_EQ(find_protocol("ip")->occurrence, Occurrence::every_connection);
  EXPECT_EQ(find_protocol("ipv4")->presence, &field("ip", "version"));
  EXPECT_EQ(find_protocol("ipv4")->presence_value, 4U);
  EXPECT_EQ(find_protocol("ipv6")->presence, &field("ip", "version"));
  EXPECT_EQ(find_protocol("ipv6")->presence_value, 6U);
  EXPECT_EQ(find_protocol("tcp")->presence, &field("ip", "protocol"));
  EXPECT_EQ(find_protocol("tcp")->presence_value, 6U);
  EXPECT_EQ(find_protocol("udp")->presence, &field("ip", "protocol"));
  EXPECT_EQ(find_protocol("udp")->presence_value, 17U);
}

TEST(PacketSchema, WhatIsNeverAConnection) {
  const std::map<std::string_view, std::uint64_t> numbers{
      {"icmp", 1}, {"gre", 47}, {"esp", 50}, {"icmpv6", 58}, {"sctp", 132}};
  for (const Protocol& protocol : registry()) {
    SCOPED_TRACE(protocol.name);
    const auto number = numbers.find(protocol.name);
    EXPECT_EQ(protocol.occurrence == Occurrence::packets_only, number != numbers.end());
    if (number == numbers.end()) continue;
    EXPECT_EQ(protocol.presence, &field("ip", "protocol"));
    EXPECT_EQ(protocol.presence_value, number->second);
    EXPECT_EQ(protocol.presence_other, 0U);
  }
}

TEST(PacketSchema, FieldsReadThePacketsFacts) {
  packet::PacketFacts facts;
  facts.tuple = some_tuple();
  for (const std::string_view protocol : {"icmp", "icmpv6"}) {
    for (const std::string_view name : {"type", "code"}) {
      const Field& number = field(protocol, name);
      ASSERT_NE(number.flag_offset, 0);
      EXPECT_EQ(reinterpret_cast<const unsigned char*>(&facts)[number.flag_offset], 0);
    }
  }
  facts.icmp_type = 3;
  facts.icmp_code = 13;
  for (const std::string_view protocol : {"icmp", "icmpv6"}) {
    EXPECT_EQ(read<std::uint8_t>(facts, field(protocol, "type")), 3);
    EXPECT_EQ(read<std::uint8_t>(facts, field(protocol, "code")), 13);
    EXPECT_EQ(reinterpret_cast<const unsigned char*>(&facts)[field(protocol, "type").flag_offset], 1);
  }
  EXPECT_EQ(read<std::uint16_t>(facts, field("sctp", "dst_port")), 443);
  EXPECT_EQ(read<IpAddress>(facts, field("ip", "src_addr")), facts.tuple.originator.ip);
}

TEST(PacketSchema, FieldsReadTheTuple) {
  const FiveTuple tuple = some_tuple();
  for (const std::string_view protocol : {"ip", "ipv4", "ipv6"}) {
    EXPECT_EQ(read<IpAddress>(tuple, field(protocol, "src_addr")), tuple.originator.ip);
    EXPECT_EQ(read<IpAddress>(tuple, field(protocol, "dst_addr")), tuple.responder.ip);
    const Field& either = field(protocol, "addr");
    ASSERT_EQ(either.alternatives, 2);
    EXPECT_EQ(read<IpAddress>(tuple, either, 0), tuple.originator.ip);
    EXPECT_EQ(read<IpAddress>(tuple, either, 1), tuple.responder.ip);
  }
  for (const std::string_view protocol : {"tcp", "udp"}) {
    EXPECT_EQ(read<std::uint16_t>(tuple, field(protocol, "src_port")), 50000);
    EXPECT_EQ(read<std::uint16_t>(tuple, field(protocol, "dst_port")), 443);
    const Field& either = field(protocol, "port");
    ASSERT_EQ(either.alternatives, 2);
    EXPECT_EQ(read<std::uint16_t>(tuple, either, 0), 50000);
    EXPECT_EQ(read<std::uint16_t>(tuple, either, 1), 443);
  }
  EXPECT_EQ(read<std::uint8_t>(tuple, field("ip", "version")), 4);
  EXPECT_EQ(read<std::uint8_t>(tuple, field("ip", "protocol")), 17);
}

TEST(TlsSchema, FieldsReadTheHandshake) {
  TlsHandshake handshake;
  EXPECT_EQ(read<std::string_view>(handshake, field("tls", "sni")).data(), nullptr);
  handshake.layout.sni = "example.org";
  handshake.layout.alpn = "h2";
  EXPECT_EQ(read<std::string_view>(handshake, field("tls", "sni")), "example.org");
  EXPECT_EQ(read<std::string_view>(handshake, field("tls", "alpn")), "h2");
}

TEST(TlsSchema, NumbersAndTheirFlags) {
  const auto check = [](std::string_view name, std::optional<std::uint16_t> TlsHandshake::Layout::* member) {
    SCOPED_TRACE(name);
    const Field& number = field("tls", name);
    ASSERT_NE(number.flag_offset, 0);
    TlsHandshake handshake;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&handshake);
    EXPECT_EQ(bytes[number.flag_offset], 0);
    handshake.layout.*member = 0x1303;
    EXPECT_EQ(bytes[number.flag_offset], 1);
    EXPECT_EQ(read<std::uint16_t>(handshake, number), 0x1303);
  };
  check("version", &TlsHandshake::Layout::version);
  check("client_version", &TlsHandshake::Layout::client_version);
  check("cipher", &TlsHandshake::Layout::cipher);
}

}  // namespace
}  // namespace iris::parsers
