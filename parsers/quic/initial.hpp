// Keys of Initial packets, and what they protect (RFC 9001, 5): anybody who saw the client's first packet can derive
// them. OpenSSL's contexts are kept by each thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "parsers/quic/version.hpp"

namespace iris::parsers::quic {

struct PacketKeys {
  std::array<std::uint8_t, 16> key{};
  std::array<std::uint8_t, 12> iv{};
  std::array<std::uint8_t, 16> header{};
};

struct InitialKeys {
  PacketKeys client;
  PacketKeys server;
};

// `dcid` is that of the client's first Initial, or of the Retry that it answers. `version.salt` is not nullptr.
[[nodiscard]] InitialKeys derive(const Version& version, std::span<const std::uint8_t> dcid) noexcept;

// The frames of an Initial packet. `packet` ends where its length says; `number_at` is where its packet number begins.
// Empty when it does not authenticate. Valid until the thread's next call.
[[nodiscard]] std::span<const std::uint8_t> open(const PacketKeys& keys, std::span<const std::uint8_t> packet,
                                                 std::size_t number_at) noexcept;

}  // namespace iris::parsers::quic
