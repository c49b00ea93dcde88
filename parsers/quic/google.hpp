// Google's QUIC before the IETF's: which version, and what its client hello (CHLO) says in clear. As described in "QUIC
// Wire Layout Specification" and "QUIC Crypto" of the Chromium project.
#pragma once

#include <cstdint>
#include <span>

#include <cstddef>

namespace iris::parsers::quic {

struct GoogleHello {
  std::uint32_t version = 0;
  std::span<const std::uint8_t> connection_id;
  bool found = false;  // a CHLO
  // data() == nullptr: absent.
  std::span<const std::uint8_t> server_name;
  std::span<const std::uint8_t> user_agent;
};

// The version that a client's packet names, "Q046" in its four bytes; 0 when it is none of Google's.
[[nodiscard]] std::uint32_t google_version(std::span<const std::uint8_t> packet) noexcept;

// Of a packet with such a version.
[[nodiscard]] GoogleHello read_google(std::span<const std::uint8_t> packet) noexcept;

}  // namespace iris::parsers::quic
