#include "parsers/tls/probe.hpp"

#include <algorithm>
#include <array>

#include "parsers/bytes.hpp"
#include "parsers/tls/wire.hpp"

namespace iris::parsers::tls {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr Probe decided(bool holds) noexcept { return holds ? Probe::match : Probe::no_match; }

// RFC 5246, E.2; the lengths are SSLv2's own.
Probe probe_sslv2(Bytes bytes) noexcept {
  constexpr std::size_t needed = sslv2_record_header_length + sslv2_hello_header_length;
  if (bytes.size() > 2 && bytes[2] != static_cast<std::uint8_t>(MessageType::client_hello)) return Probe::no_match;
  if (bytes.size() > 3 && bytes[3] != 0 && bytes[3] != 3) return Probe::no_match;
  if (bytes.size() < needed) return Probe::not_yet;
  const std::size_t record = load16(bytes.data()) & 0x7fffU;
  const std::uint16_t version = load16(bytes.data() + 3);
  const std::size_t specs = load16(bytes.data() + 5);
  const std::size_t session_id = load16(bytes.data() + 7);
  const std::size_t challenge = load16(bytes.data() + 9);
  const bool fits = record == sslv2_hello_header_length + specs + session_id + challenge;
  const bool version_fits = version == 0x0002 || (version >= 0x0300 && version <= 0x0304);
  return decided(fits && version_fits && specs != 0 && specs % sslv2_spec_length == 0 &&
                 (session_id == 0 || session_id == 16 || session_id == 32) && challenge >= 16 && challenge <= 32);
}

// The beginning of a handshake message: its header and the hello's version, as far as `bytes` go.
Probe probe_hello(Bytes bytes) noexcept {
  constexpr std::size_t needed = message_header_length + 2;
  constexpr std::size_t client_minimum = 2 + random_length + 1 + 4 + 2;  // one cipher, one compression method
  constexpr std::size_t server_minimum = 2 + random_length + 2;          // the drafts' short form
  if (bytes.empty()) return Probe::not_yet;
  const bool client = bytes[0] == static_cast<std::uint8_t>(MessageType::client_hello);
  if (!client && bytes[0] != static_cast<std::uint8_t>(MessageType::server_hello)) return Probe::no_match;
  if (bytes.size() > 1 && bytes[1] > 1) return Probe::no_match;  // the longest ClientHello has some 131,000 bytes
  if (bytes.size() < needed) return Probe::not_yet;
  const std::size_t length = load32(bytes.data()) & 0xffffffU;
  const std::uint16_t version = load16(bytes.data() + 4);
  const bool version_fits = (version >= 0x0300 && version <= 0x0304) || (!client && is_draft(version));
  return decided(version_fits && length >= (client ? client_minimum : server_minimum));
}

// Records up to the end of `bytes`; the first few bytes of the handshake messages in them are put together in `start`.
Probe probe_records(Bytes bytes) noexcept {
  std::array<std::uint8_t, message_header_length + 2> start{};
  std::size_t filled = 0;
  while (!bytes.empty() && filled < start.size()) {
    const bool alert = bytes[0] == static_cast<std::uint8_t>(ContentType::alert);
    if (!alert && bytes[0] != static_cast<std::uint8_t>(ContentType::handshake)) return Probe::no_match;
    if (bytes.size() > 1 && bytes[1] != 3) return Probe::no_match;
    if (bytes.size() > 2 && bytes[2] > 4) return Probe::no_match;
    if (bytes.size() < record_header_length) break;
    const std::size_t length = load16(bytes.data() + 3);
    if (length == 0 || length > max_record || (alert && length != 2)) return Probe::no_match;
    bytes = bytes.subspan(record_header_length);
    const Bytes fragment = bytes.first(std::min(length, bytes.size()));
    bytes = bytes.subspan(fragment.size());
    if (alert) {
      if (!fragment.empty() && fragment[0] != 1 && fragment[0] != 2) return Probe::no_match;  // warning, fatal
      continue;
    }
    const std::size_t taken = std::min(fragment.size(), start.size() - filled);
    std::ranges::copy(fragment.first(taken), start.begin() + static_cast<std::ptrdiff_t>(filled));
    filled += taken;
  }
  return probe_hello(Bytes(start).first(filled));
}

}  // namespace

Probe probe(const Beginning& beginning) noexcept {
  const Bytes bytes = beginning.latest_sent();
  if (bytes.empty()) return Probe::not_yet;
  return is_sslv2_record(bytes[0]) ? probe_sslv2(bytes) : probe_records(bytes);
}

}  // namespace iris::parsers::tls
