// Addresses, endpoints and the five-tuple of a connection.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string_view>

namespace iris {

enum class IpVersion : std::uint8_t { V4 = 4, V6 = 6 };

// An IPv4 or IPv6 address. An IPv4 address is held as its IPv4-mapped IPv6 form (RFC 4291, 2.5.5.2), so that
// one comparison or prefix test serves both; `version` tells a real mapped IPv6 address from an IPv4 one.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  // network order
  IpVersion version = IpVersion::V6;

  static constexpr IpAddress v4(std::array<std::uint8_t, 4> octets) {
    IpAddress address;
    address.bytes[10] = address.bytes[11] = 0xff;
    for (std::size_t i = 0; i < 4; ++i) address.bytes[12 + i] = octets[i];
    address.version = IpVersion::V4;
    return address;
  }
  static constexpr IpAddress v6(const std::array<std::uint8_t, 16>& octets) { return {octets, IpVersion::V6}; }

  [[nodiscard]] constexpr bool is_v4() const { return version == IpVersion::V4; }
  auto operator<=>(const IpAddress&) const = default;
};

// An address block. `length` counts bits of the address's own version: at most 32 for IPv4, 128 for IPv6.
struct Subnet {
  IpAddress address;  // host bits are zero
  std::uint8_t length = 0;

  auto operator<=>(const Subnet&) const = default;
};

// One end of a connection. `port` is in host order.
struct Endpoint {
  IpAddress ip;
  std::uint16_t port = 0;

  // The block this end lies in: the first `v4_bits` or `v6_bits` of its address.
  [[nodiscard]] constexpr Subnet subnet(std::uint8_t v4_bits = 24, std::uint8_t v6_bits = 48) const {
    Subnet block{ip, ip.is_v4() ? v4_bits : v6_bits};
    const unsigned kept = ip.is_v4() ? 96U + v4_bits : v6_bits;
    for (unsigned i = 0; i < 16; ++i) {
      const unsigned bits = kept > 8 * i ? kept - 8 * i : 0;
      if (bits < 8) block.address.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> bits);
    }
    return block;
  }
  auto operator<=>(const Endpoint&) const = default;
};

// Values are IANA protocol numbers. Connections are of TCP and UDP only; the others, and numbers without a name here,
// appear on single packets.
enum class Transport : std::uint8_t { Icmp = 1, Tcp = 6, Udp = 17, Gre = 47, Esp = 50, Icmpv6 = 58, Sctp = 132 };

// As in filters: "tcp"; empty for others than these.
[[nodiscard]] constexpr std::string_view name(Transport transport) {
  switch (transport) {
    case Transport::Icmp:
      return "icmp";
    case Transport::Tcp:
      return "tcp";
    case Transport::Udp:
      return "udp";
    case Transport::Gre:
      return "gre";
    case Transport::Esp:
      return "esp";
    case Transport::Icmpv6:
      return "icmpv6";
    case Transport::Sctp:
      return "sctp";
  }
  return {};
}

// Data type: who speaks to whom. The originator sent the connection's first packet.
struct FiveTuple {
  Endpoint originator;
  Endpoint responder;
  Transport transport = Transport::Tcp;

  auto operator<=>(const FiveTuple&) const = default;
};

}  // namespace iris
