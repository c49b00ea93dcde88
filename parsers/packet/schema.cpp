#include "parsers/packet/schema.hpp"

#include <array>
#include <cstddef>

#include <iris/conn_record.hpp>

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
                         .doc = "IANA protocol number: 6 is TCP, 17 is UDP"};

constexpr std::array<Field, 5> ip_fields{addresses()[0], addresses()[1], addresses()[2], version, protocol};
constexpr const Field* ip_version = &ip_fields[3];
constexpr const Field* ip_protocol = &ip_fields[4];
constexpr std::array<Field, 3> ipv4_fields = addresses();
constexpr std::array<Field, 3> ipv6_fields = addresses();
constexpr std::array<Field, 3> tcp_fields = ports();
constexpr std::array<Field, 3> udp_fields = ports();

constexpr std::array<Field, 1> conn_fields{Field{.name = "midstream",
                                                 .type = FieldType::number,
                                                 .level = Level::tuple,
                                                 .width = sizeof(ConnRecord::midstream),
                                                 .truth = true,
                                                 .offsets = {offsetof(ConnRecord, midstream), 0},
                                                 .doc = "1 where a TCP connection began without its SYN; else 0"}};

}  // namespace

constinit const Protocol conn{.name = "conn", .fields = conn_fields};
constinit const Protocol ip{.name = "ip", .fields = ip_fields};
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

}  // namespace iris::parsers::packet
