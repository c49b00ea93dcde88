#include "parsers/packet/schema.hpp"

#include <array>
#include <cstddef>

#include <iris/conn_record.hpp>

#include "parsers/packet/facts.hpp"
#include "parsers/packet/header_fields.hpp"

namespace iris::parsers::packet {
namespace {

constexpr std::uint16_t tuple = offsetof(ConnRecord, tuple);
constexpr std::uint16_t originator = tuple + offsetof(FiveTuple, originator);
constexpr std::uint16_t responder = tuple + offsetof(FiveTuple, responder);
constexpr std::uint16_t src_addr = originator + offsetof(Endpoint, ip);
constexpr std::uint16_t dst_addr = responder + offsetof(Endpoint, ip);
constexpr std::uint16_t src_port = originator + offsetof(Endpoint, port);
constexpr std::uint16_t dst_port = responder + offsetof(Endpoint, port);

constexpr Field address(std::string_view name, std::uint16_t offset, std::string_view doc) {
  return {.name = name, .type = FieldType::address, .level = Level::tuple, .offsets = {offset, 0}, .doc = doc};
}
constexpr Field port(std::string_view name, std::uint16_t offset, std::string_view doc) {
  return {.name = name,
          .type = FieldType::number,
          .level = Level::tuple,
          .width = sizeof(Endpoint::port),
          .offsets = {offset, 0},
          .doc = doc};
}
constexpr Field either(Field field, std::uint16_t other_offset) {
  field.alternatives = 2;
  field.offsets[1] = other_offset;
  return field;
}

constexpr std::array<Field, 3> addresses() {
  return {address("src_addr", src_addr, "address of the originator"),
          address("dst_addr", dst_addr, "address of the responder"),
          either(address("addr", src_addr, "address of either end"), dst_addr)};
}
constexpr std::array<Field, 3> ports() {
  return {port("src_port", src_port, "port of the originator"), port("dst_port", dst_port, "port of the responder"),
          either(port("port", src_port, "port of either end"), dst_port)};
}

// What Field::flag_offset assumes of std::optional: the value first, its flag right behind.
static_assert(sizeof(PacketFacts::icmp_type) == 2 && offsetof(PacketFacts, tuple) == 0);

constexpr std::array<Field, 2> icmp_message() {
  const auto number = [](std::string_view name, std::size_t offset, std::string_view doc) {
    return Field{.name = name,
                 .type = FieldType::number,
                 .level = Level::tuple,
                 .width = 1,
                 .offsets = {static_cast<std::uint16_t>(offset), 0},
                 .flag_offset = static_cast<std::uint16_t>(offset + 1),
                 .doc = doc};
  };
  return {number("type", offsetof(PacketFacts, icmp_type), "type of the message"),
          number("code", offsetof(PacketFacts, icmp_code), "code of the message, within its type")};
}

constexpr Field version{.name = "version",
                        .type = FieldType::number,
                        .level = Level::tuple,
                        .width = sizeof(IpVersion),
                        .offsets = {src_addr + offsetof(IpAddress, version), 0},
                        .doc = "4 or 6"};
constexpr Field protocol{.name = "protocol",
                         .type = FieldType::number,
                         .level = Level::tuple,
                         .width = sizeof(Transport),
                         .offsets = {tuple + offsetof(FiveTuple, transport), 0},
                         .doc = "IANA protocol number: 6 is TCP, 17 is UDP",
                         .names = ip_protocol_names};

constexpr std::array<Field, 5> ip_fields{addresses()[0], addresses()[1], addresses()[2], version, protocol};
constexpr const Field* ip_version = &ip_fields[3];
constexpr const Field* ip_protocol = &ip_fields[4];
constexpr auto ipv4_fields = joined(joined(addresses(), std::array{version}), ipv4_header_fields);
constexpr auto ipv6_fields = joined(joined(addresses(), std::array{version}), ipv6_header_fields);
constexpr auto tcp_fields = joined(ports(), tcp_header_fields);
constexpr auto udp_fields = joined(ports(), udp_header_fields);
constexpr std::array<Field, 3> sctp_fields = ports();
constexpr auto icmp_fields = joined(icmp_message(), icmp_header_fields);
constexpr auto icmpv6_fields = joined(icmp_message(), icmp_header_fields);

constexpr Protocol of_packets(std::string_view name, std::span<const Field> fields, Transport transport) {
  return {.name = name,
          .fields = fields,
          .presence = ip_protocol,
          .presence_value = static_cast<std::uint64_t>(transport),
          .occurrence = Occurrence::packets_only};
}

static_assert(offsetof(ConnRecord, tuple) == offsetof(PacketFacts, tuple), "one field serves connections and packets");

}  // namespace

constinit const Protocol ethernet{
    .name = "ethernet", .fields = ethernet_fields, .presence = &has_ethernet, .presence_value = 1};
constinit const Protocol vlan{.name = "vlan", .fields = vlan_fields, .presence = &has_vlan, .presence_value = 1};
constinit const Protocol ip{.name = "ip",
                            .fields = ip_fields,
                            .presence = ip_version,
                            .presence_value = static_cast<std::uint64_t>(IpVersion::V4),
                            .presence_other = static_cast<std::uint64_t>(IpVersion::V6),
                            .occurrence = Occurrence::every_connection};
constinit const Protocol ipv4{.name = "ipv4",
                              .fields = ipv4_fields,
                              .presence = ip_version,
                              .presence_value = static_cast<std::uint64_t>(IpVersion::V4)};
constinit const Protocol ipv6{.name = "ipv6",
                              .fields = ipv6_fields,
                              .presence = ip_version,
                              .presence_value = static_cast<std::uint64_t>(IpVersion::V6)};
constinit const Protocol tcp{.name = "tcp",
                             .fields = tcp_fields,
                             .presence = ip_protocol,
                             .presence_value = static_cast<std::uint64_t>(Transport::Tcp)};
constinit const Protocol udp{.name = "udp",
                             .fields = udp_fields,
                             .presence = ip_protocol,
                             .presence_value = static_cast<std::uint64_t>(Transport::Udp)};
constinit const Protocol icmp = of_packets("icmp", icmp_fields, Transport::Icmp);
constinit const Protocol icmpv6 = of_packets("icmpv6", icmpv6_fields, Transport::Icmpv6);
constinit const Protocol sctp = of_packets("sctp", sctp_fields, Transport::Sctp);
constinit const Protocol esp = of_packets("esp", {}, Transport::Esp);
constinit const Protocol gre = of_packets("gre", {}, Transport::Gre);

}  // namespace iris::parsers::packet
