// The fields of packet::Headers, by protocol. Internal to parsers/packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parsers/api.hpp"
#include "parsers/packet/headers.hpp"

namespace iris::parsers::packet {

// Names of IANA's "Assigned Internet Protocol Numbers" that are met.
inline constexpr NamedNumber ip_protocol_names[] = {{"ICMP", 1},  {"IGMP", 2},  {"TCP", 6}, {"UDP", 17},
                                                    {"GRE", 47},  {"ESP", 50},  {"AH", 51}, {"ICMPv6", 58},
                                                    {"OSPF", 89}, {"SCTP", 132}};
inline constexpr NamedNumber ether_type_names[] = {{"IPv4", 0x0800}, {"ARP", 0x0806},  {"VLAN", 0x8100},
                                                   {"IPv6", 0x86dd}, {"MPLS", 0x8847}, {"LLDP", 0x88cc}};
// tcp.flags is all of them; tcp.syn and the like are one.
inline constexpr NamedNumber tcp_flag_names[] = {
    {"FIN", 0x01}, {"SYN", 0x02},     {"RST", 0x04},     {"PSH", 0x08},     {"ACK", 0x10},
    {"URG", 0x20}, {"SYN_ACK", 0x12}, {"FIN_ACK", 0x11}, {"RST_ACK", 0x14}, {"PSH_ACK", 0x18}};

// A member of Headers that is there where the flag of its group is set.
template <class Number>
constexpr Field header_field(std::string_view name, std::size_t offset, std::size_t flag, std::string_view doc) {
  return {.name = name,
          .type = FieldType::number,
          .level = Level::tuple,
          .width = sizeof(Number),
          .offsets = {static_cast<std::uint16_t>(offset), 0},
          .flag_offset = static_cast<std::uint16_t>(flag),
          .of_headers = true,
          .doc = doc};
}
constexpr Field as_truth(Field field) {
  field.truth = true;
  return field;
}
constexpr Field as_mac(Field field) {
  field.notation = Notation::mac;
  return field;
}
constexpr Field with_names(Field field, std::span<const NamedNumber> names) {
  field.names = names;
  return field;
}
constexpr Field of_either(Field field, std::size_t other) {
  field.alternatives = 2;
  field.offsets[1] = static_cast<std::uint16_t>(other);
  return field;
}

#define IRIS_HEADER(name, member, flag, doc) \
  header_field<decltype(Headers::member)>(name, offsetof(Headers, member), offsetof(Headers, flag), doc)

inline constexpr std::array ethernet_fields{
    as_mac(IRIS_HEADER("src", ethernet_src, ethernet, "address of the sender")),
    as_mac(IRIS_HEADER("dst", ethernet_dst, ethernet, "address of the receiver")),
    of_either(as_mac(IRIS_HEADER("addr", ethernet_src, ethernet, "address of either")),
              offsetof(Headers, ethernet_dst)),
    with_names(IRIS_HEADER("ether_type", ether_type, ethernet, "EtherType, or the length of an 802.3 frame"),
               ether_type_names),
};

inline constexpr std::array vlan_fields{
    of_either(header_field<std::uint16_t>("id", offsetof(Headers, vlan_ids), offsetof(Headers, vlan),
                                          "identifier of either of the two outermost tags"),
              offsetof(Headers, vlan_ids) + sizeof(std::uint16_t)),
    IRIS_HEADER("priority", vlan_priority, vlan_control, "priority code point of the outermost tag"),
    as_truth(IRIS_HEADER("dei", vlan_dei, vlan_control, "drop eligible indicator of the outermost tag")),
    IRIS_HEADER("tci", vlan_tci, vlan_control, "control information of the outermost tag"),
};

inline constexpr std::array ipv4_header_fields{
    IRIS_HEADER("version_ihl", version_ihl, ipv4, "first byte of the header"),
    IRIS_HEADER("ihl", ihl, ipv4, "length of the header, in words of 4 bytes"),
    IRIS_HEADER("type_of_service", type_of_service, ipv4, "DSCP and ECN"),
    IRIS_HEADER("dscp_ecn", type_of_service, ipv4, "DSCP and ECN"),
    IRIS_HEADER("dscp", dscp, ipv4, "differentiated services code point"),
    IRIS_HEADER("ecn", ecn, ipv4, "explicit congestion notification"),
    IRIS_HEADER("total_length", total_length, ipv4, "length of the datagram, in bytes"),
    IRIS_HEADER("identification", identification, ipv4, "of the datagram"),
    IRIS_HEADER("flags_to_fragment_offset", flags_to_fragment_offset, ipv4, "flags and fragment offset"),
    IRIS_HEADER("flags", ip_flags, ipv4, "the three flags: 2 is DF, 1 is MF"),
    as_truth(IRIS_HEADER("rf", rf, ipv4, "the reserved flag")),
    as_truth(IRIS_HEADER("df", df, ipv4, "do not fragment")),
    as_truth(IRIS_HEADER("mf", mf, ipv4, "more fragments follow")),
    IRIS_HEADER("fragment_offset", fragment_offset, ipv4, "of the fragment, in units of 8 bytes"),
    IRIS_HEADER("time_to_live", time_to_live, ipv4, "hops left"),
    with_names(IRIS_HEADER("protocol", protocol, ipv4, "IANA protocol number of what it carries"), ip_protocol_names),
    IRIS_HEADER("header_checksum", header_checksum, ipv4, "as sent"),
};

inline constexpr std::array ipv6_header_fields{
    IRIS_HEADER("version_to_flow_label", version_to_flow_label, ipv6, "first four bytes of the header"),
    IRIS_HEADER("traffic_class", traffic_class, ipv6, "DSCP and ECN"),
    IRIS_HEADER("dscp", dscp, ipv6, "differentiated services code point"),
    IRIS_HEADER("ecn", ecn, ipv6, "explicit congestion notification"),
    IRIS_HEADER("flow_label", flow_label, ipv6, "of the flow"),
    IRIS_HEADER("payload_length", payload_length, ipv6, "bytes behind the header"),
    with_names(IRIS_HEADER("next_header", next_header, ipv6, "number of what follows the header, extensions too"),
               ip_protocol_names),
    IRIS_HEADER("hop_limit", hop_limit, ipv6, "hops left"),
};

inline constexpr std::array tcp_header_fields{
    IRIS_HEADER("seq_no", sequence, tcp, "sequence number"),
    IRIS_HEADER("ack_no", acknowledgement, tcp, "acknowledgement number"),
    IRIS_HEADER("data_offset", data_offset, tcp, "length of the header, in words of 4 bytes"),
    IRIS_HEADER("reserved", reserved, tcp, "the three reserved bits"),
    IRIS_HEADER("data_offset_to_ns", data_offset_to_ns, tcp, "the byte with data offset, reserved bits and NS"),
    with_names(IRIS_HEADER("flags", tcp_flags, tcp, "all flags from FIN, 1, to CWR, 128"), tcp_flag_names),
    IRIS_HEADER("window", window, tcp, "as sent, without scale"),
    IRIS_HEADER("checksum", tcp_checksum, tcp, "as sent"),
    IRIS_HEADER("urgent_pointer", urgent_pointer, tcp, "as sent"),
    as_truth(IRIS_HEADER("ns", ns, tcp, "ECN-nonce")),
    as_truth(IRIS_HEADER("cwr", cwr, tcp, "congestion window reduced")),
    as_truth(IRIS_HEADER("ece", ece, tcp, "ECN-echo")),
    as_truth(IRIS_HEADER("urg", urg, tcp, "the urgent pointer counts")),
    as_truth(IRIS_HEADER("ack", ack, tcp, "the acknowledgement number counts")),
    as_truth(IRIS_HEADER("psh", psh, tcp, "push")),
    as_truth(IRIS_HEADER("rst", rst, tcp, "reset")),
    as_truth(IRIS_HEADER("syn", syn, tcp, "synchronise sequence numbers")),
    as_truth(IRIS_HEADER("fin", fin, tcp, "no more data")),
    as_truth(IRIS_HEADER("synack", synack, tcp, "SYN and ACK")),
};

inline constexpr std::array udp_header_fields{
    IRIS_HEADER("length", udp_length, udp, "of header and payload, in bytes"),
    IRIS_HEADER("checksum", udp_checksum, udp, "as sent"),
};

inline constexpr std::array icmp_header_fields{
    IRIS_HEADER("checksum", icmp_checksum, icmp, "as sent"),
    IRIS_HEADER("identifier", icmp_identifier, icmp_echo, "of an echo request or reply"),
    IRIS_HEADER("sequence", icmp_sequence, icmp_echo, "of an echo request or reply"),
};

#undef IRIS_HEADER

// What the names `ethernet` and `vlan` ask.
inline constexpr Field has_ethernet{.name = "ethernet",
                                    .type = FieldType::number,
                                    .level = Level::tuple,
                                    .width = sizeof(bool),
                                    .offsets = {offsetof(Headers, ethernet), 0},
                                    .of_headers = true,
                                    .doc = "1 where the frame is Ethernet's"};
inline constexpr Field has_vlan{.name = "vlan",
                                .type = FieldType::number,
                                .level = Level::tuple,
                                .width = sizeof(bool),
                                .offsets = {offsetof(Headers, vlan), 0},
                                .of_headers = true,
                                .doc = "1 where it has a tag"};

template <std::size_t n, std::size_t m>
constexpr std::array<Field, n + m> joined(const std::array<Field, n>& first, const std::array<Field, m>& second) {
  std::array<Field, n + m> all{};
  for (std::size_t i = 0; i < n; ++i) all[i] = first[i];
  for (std::size_t i = 0; i < m; ++i) all[n + i] = second[i];
  return all;
}

}  // namespace iris::parsers::packet
