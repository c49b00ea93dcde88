// The bodies of ClientHello and ServerHello (RFC 8446, 4.1; RFC 5246, 7.4.1; RFC 5246, E.2 for SSLv2's form).
//
// A hello's framing must be right to the last byte, or it is not one. What lies within one extension is judged alone:
// a malformed extension is an absent one. Of repeated extensions the first counts.
#pragma once

#include <cstdint>
#include <span>

#include <iris/protocols/tls.hpp>

#include "parsers/api.hpp"

namespace iris::parsers::tls {

enum class HelloStatus : std::uint8_t {
  ok,
  retry,  // a HelloRetryRequest: the real ServerHello is still to come
  malformed,
  out_of_memory,  // the arena is exhausted
};

// Fill the side's members of `layout`, and none unless ok. `body` follows the handshake header; views into it remain in
// `layout`, so it must live as long. Arrays come from `arena`.
[[nodiscard]] HelloStatus parse_client_hello(std::span<const std::uint8_t> body, Arena& arena,
                                             TlsHandshake::Layout& layout) noexcept;
[[nodiscard]] HelloStatus parse_server_hello(std::span<const std::uint8_t> body, Arena& arena,
                                             TlsHandshake::Layout& layout) noexcept;

// `body` follows the two-byte record header. Cipher kinds that only SSLv2 has are left out: they have no IANA number.
[[nodiscard]] HelloStatus parse_sslv2_client_hello(std::span<const std::uint8_t> body, Arena& arena,
                                                   TlsHandshake::Layout& layout) noexcept;

}  // namespace iris::parsers::tls
