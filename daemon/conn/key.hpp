// The key of a connection: its five-tuple in canonical order, the same for both directions.
#pragma once

#include <array>
#include <cstdint>

#include <iris/net.hpp>

namespace iris::conn {

// Ends are ordered by (address, port), so that both directions give one key. 40 bytes, no padding: comparable by
// memory.
struct Key {
  std::array<std::uint8_t, 16> low_ip{};  // as iris::IpAddress::bytes
  std::array<std::uint8_t, 16> high_ip{};
  std::uint16_t low_port = 0;  // host order
  std::uint16_t high_port = 0;
  Transport transport = Transport::Tcp;
  IpVersion version = IpVersion::V4;
  std::uint16_t realm = 0;  // of Realms; 0: none

  bool operator==(const Key&) const = default;
};
static_assert(sizeof(Key) == 40);

}  // namespace iris::conn
