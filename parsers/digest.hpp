// Digests as lower-case hex (OpenSSL).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace iris::parsers {

using Md5Text = std::array<char, 32>;
using Sha256Text = std::array<char, 64>;

[[nodiscard]] Md5Text md5_hex(std::string_view bytes) noexcept;
[[nodiscard]] Sha256Text sha256_hex(std::string_view bytes) noexcept;

// Writes two digits a byte to `out`, which has room for them.
void write_hex(std::span<const std::uint8_t> bytes, char* out) noexcept;

}  // namespace iris::parsers
