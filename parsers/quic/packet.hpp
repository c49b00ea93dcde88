// Headers of QUIC packets (RFC 9000, 17; RFC 8999).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace iris::parsers::quic {

struct LongHeader {
  std::uint8_t first_byte = 0;
  std::uint32_t version = 0;  // 0: Version Negotiation
  std::span<const std::uint8_t> dcid;
  std::span<const std::uint8_t> scid;
  std::size_t size = 0;  // up to what depends on the version
};

[[nodiscard]] constexpr bool is_long(std::uint8_t first_byte) noexcept { return (first_byte & 0x80U) != 0; }

// False when `packet` does not begin with one. Connection ids may have 20 bytes, as in all versions so far.
[[nodiscard]] bool read_long_header(std::span<const std::uint8_t> packet, LongHeader& header) noexcept;

// RFC 9000, 16. Moves `at`; false when it goes beyond `bytes`.
[[nodiscard]] bool read_integer(std::span<const std::uint8_t> bytes, std::size_t& at, std::uint64_t& value) noexcept;

// Where the packet number of an Initial, 0-RTT or Handshake packet is, and where the packet ends.
struct Extent {
  std::size_t number_at = 0;
  std::size_t end = 0;
};
[[nodiscard]] bool read_extent(std::span<const std::uint8_t> packet, const LongHeader& header, bool has_token,
                               Extent& extent) noexcept;

}  // namespace iris::parsers::quic
