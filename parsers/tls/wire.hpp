// Numbers of the record and handshake layers that more than one file here needs (RFC 8446, 4 and 5; RFC 5246, E.2).
#pragma once

#include <cstddef>
#include <cstdint>

namespace iris::parsers::tls {

enum class ContentType : std::uint8_t {
  change_cipher_spec = 20,
  alert = 21,
  handshake = 22,
  application_data = 23,
  heartbeat = 24,
};

enum class MessageType : std::uint8_t {
  hello_request = 0,
  client_hello = 1,
  server_hello = 2,
  new_session_ticket = 4,
  hello_retry_request = 6,  // drafts of TLS 1.3 up to the 21st
  certificate = 11,
  server_key_exchange = 12,
  certificate_request = 13,
  server_hello_done = 14,
  certificate_verify = 15,
  client_key_exchange = 16,
  finished = 20,
  certificate_url = 21,
  certificate_status = 22,
  supplemental_data = 23,
};

inline constexpr std::size_t record_header_length = 5;
inline constexpr std::size_t message_header_length = 4;
inline constexpr std::size_t random_length = 32;
inline constexpr std::size_t max_session_id = 32;
inline constexpr std::size_t alert_length = 2;
// Of TLSPlaintext; older versions allow ciphertext 2,048 bytes more, but what is read here is not encrypted.
inline constexpr std::size_t max_record = 1U << 14U;

// SSLv2's two-byte record header has the top bit set, which no ContentType has.
inline constexpr std::size_t sslv2_record_header_length = 2;
inline constexpr std::size_t sslv2_hello_header_length = 9;  // message type, version, three lengths
inline constexpr std::size_t sslv2_spec_length = 3;

[[nodiscard]] constexpr bool is_sslv2_record(std::uint8_t first_byte) noexcept { return (first_byte & 0x80U) != 0; }

// 0x7fNN is draft NN of TLS 1.3.
[[nodiscard]] constexpr bool is_draft(std::uint16_t version) noexcept { return version >> 8U == 0x7f; }

[[nodiscard]] constexpr bool is_record_type(std::uint8_t type) noexcept {
  return type >= static_cast<std::uint8_t>(ContentType::change_cipher_spec) &&
         type <= static_cast<std::uint8_t>(ContentType::heartbeat);
}

}  // namespace iris::parsers::tls
