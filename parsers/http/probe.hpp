// Is it HTTP? Decided on the first line of either side.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "parsers/api.hpp"

namespace iris::parsers::http {

// What a client of HTTP/2 says first (RFC 9113, 3.4).
inline constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Whether it is, or can become, the SETTINGS frame that a server of HTTP/2 begins with. False when empty.
[[nodiscard]] bool may_be_settings_frame(std::span<const std::uint8_t> bytes) noexcept;

// Matches on a request line, a status line, and HTTP/2's preface.
[[nodiscard]] Probe probe(const Beginning& beginning) noexcept;

// Whether it begins with a CONNECT.
[[nodiscard]] bool may_tunnel(const Beginning& beginning) noexcept;

}  // namespace iris::parsers::http
