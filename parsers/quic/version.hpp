// Versions of QUIC and what differs between them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace iris::parsers::quic {

enum class PacketType : std::uint8_t { initial, zero_rtt, handshake, retry };

struct Version {
  std::string_view name;
  const std::array<std::uint8_t, 20>* salt = nullptr;  // of Initial keys (RFC 9001, 5.2); nullptr: not readable
  std::uint32_t number = 0;
  bool is_v2 = false;  // labels and types of RFC 9369
};

// nullptr for those that are not known.
[[nodiscard]] const Version* find_version(std::uint32_t number) noexcept;

// Those whose keys a client may use for a version that nobody knows, which it names to be told a better one.
[[nodiscard]] std::span<const Version> versions_behind_grease() noexcept;

// RFC 9000, 15: versions that force negotiation.
[[nodiscard]] constexpr bool is_grease(std::uint32_t number) noexcept { return (number & 0x0f0f0f0fU) == 0x0a0a0a0aU; }

// Google's: "Q043" to "Q050", in its four bytes.
[[nodiscard]] constexpr bool is_google(std::uint32_t number) noexcept {
  return number >> 16U == 0x5130U && (number >> 8U & 0xffU) >= '2' && (number >> 8U & 0xffU) <= '5' &&
         (number & 0xffU) >= '0' && (number & 0xffU) <= '9';
}

[[nodiscard]] PacketType packet_type(const Version& version, std::uint8_t first_byte) noexcept;

}  // namespace iris::parsers::quic
