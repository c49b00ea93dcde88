// What a connection's first packet said below IP. Known from then on: these types delay no function by themselves.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace iris {

// An IEEE 802 address, in the order of transmission. Printed as 00:1b:21:3c:4d:5e.
struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  // I/G and U/L bits of the first byte (IEEE 802, 8.2.2).
  [[nodiscard]] constexpr bool is_multicast() const { return (bytes[0] & 0x01) != 0; }
  [[nodiscard]] constexpr bool is_local() const { return (bytes[0] & 0x02) != 0; }
  auto operator<=>(const MacAddress&) const = default;
};

// Data type: Ethernet addresses of the frame that brought the first packet; of a tunnelled connection, of the outermost
// one. Absent where the link has none: on a Linux "cooked" capture, which keeps the sender's only, on PPP and raw IP,
// and where the first packet came in fragments.
struct EthAddr {
  std::optional<MacAddress> source;
  std::optional<MacAddress> destination;
};

// Data type: IEEE 802.1Q and 802.1ad tags of the first packet.
struct Vlan {
  std::array<std::uint16_t, 4> values{};
  std::uint8_t count = 0;

  // VLAN identifiers, outermost first; no more than four.
  [[nodiscard]] constexpr std::span<const std::uint16_t> ids() const { return std::span(values).first(count); }
};

}  // namespace iris
