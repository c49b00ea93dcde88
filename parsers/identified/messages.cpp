// Protocols of binary messages in a byte stream: the first message's own lengths have to agree.
#include <algorithm>

#include "parsers/bytes.hpp"
#include "parsers/identified/beginning.hpp"
#include "parsers/identified/identified.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::identified {
namespace {

std::uint32_t load24(const std::uint8_t* bytes) noexcept {
  return std::uint32_t{bytes[0]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[2];
}

std::uint32_t load24_little_endian(const std::uint8_t* bytes) noexcept {
  return std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[0];
}

// Whether `bytes` begin with `expected` as far as both go.
bool bytes_may_be(Bytes bytes, std::initializer_list<std::uint8_t> expected) noexcept {
  return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), expected.size())),
                    expected.begin());
}

// ---- Remote Desktop -------------------------------------------------------------------------------------------

// TPKT (RFC 1006), then a connection request or confirm of X.224 with RDP's negotiation behind it. Others use both
// layers, so that there has to be a cookie, a negotiation, or the port.
Probe probe_rdp(const Beginning& beginning) noexcept {
  constexpr std::size_t tpkt = 4;
  constexpr std::size_t x224 = 7;
  constexpr std::size_t negotiation = 8;
  constexpr std::uint8_t connection_request = 0xe0;
  constexpr std::uint8_t connection_confirm = 0xd0;
  const Bytes bytes = beginning.latest_sent();
  if (!bytes_may_be(bytes, {3, 0})) return Probe::no_match;
  if (bytes.size() < tpkt + 2) return Probe::not_yet;
  const std::size_t length = load16(bytes.data() + 2);
  const bool request = bytes[5] == connection_request;
  if (!request && bytes[5] != connection_confirm) return Probe::no_match;
  if (length < tpkt + x224 || length > 1024 || bytes[4] != length - tpkt - 1) return Probe::no_match;
  if (bytes.size() < length) return Probe::not_yet;
  const Bytes data = bytes.subspan(tpkt + x224, length - tpkt - x224);
  if (request && as_text(data).starts_with("Cookie: ")) return Probe::match;
  if (data.size() >= negotiation) {
    const Bytes last = data.last(negotiation);
    const bool type = request ? last[0] == 1 : (last[0] == 2 || last[0] == 3);
    if (type && last[2] == negotiation && last[3] == 0) return Probe::match;
  }
  return decided(data.empty() && port_is_one_of(beginning.tuple, {3389}));
}

// ---- Windows file sharing -------------------------------------------------------------------------------------

// A NetBIOS session may be set up first (RFC 1002, 4.3).
Probe probe_smb(const Beginning& beginning) noexcept {
  constexpr std::size_t header = 4;
  constexpr std::uint8_t session_request = 0x81;
  constexpr std::uint8_t positive_response = 0x82;
  Bytes bytes = beginning.latest_sent();
  if (bytes.empty()) return Probe::not_yet;
  if (bytes[0] == session_request || bytes[0] == positive_response) {
    if (bytes.size() < header) return Probe::not_yet;
    const std::uint32_t length = load24(bytes.data() + 1);
    if (bytes[0] == positive_response ? length != 0 : (length < 64 || length > 256)) return Probe::no_match;
    if (bytes.size() <= header + length) return Probe::not_yet;
    bytes = bytes.subspan(header + length);
  }
  if (bytes[0] != 0) return Probe::no_match;
  if (bytes.size() > header) {
    // SMB 1, SMB 2 and 3, then SMB 3 encrypted and compressed.
    const bool version = bytes[4] == 0xff || bytes[4] == 0xfe || bytes[4] == 0xfd || bytes[4] == 0xfc;
    if (!version || !bytes_may_be(bytes.subspan(header + 1), {'S', 'M', 'B'})) return Probe::no_match;
  }
  if (bytes.size() < header + 4) return Probe::not_yet;
  return decided(load24(bytes.data() + 1) >= 32);
}

// ---- directories ----------------------------------------------------------------------------------------------

// BER (X.690, 8.1.3) as LDAP restricts it: definite lengths.
bool take_length(Reader& reader, std::size_t& length) noexcept {
  length = reader.u8();
  if (length < 0x80) return reader.ok();
  const std::size_t octets = length & 0x7fU;
  if (octets == 0 || octets > 4) return false;
  length = 0;
  for (std::size_t i = 0; i < octets; ++i) length = length << 8 | reader.u8();
  return reader.ok();
}

// RFC 4511, 4.1.1: a sequence of the message's number and an operation.
Probe probe_ldap(const Beginning& beginning) noexcept {
  constexpr std::uint8_t sequence = 0x30;
  constexpr std::uint8_t integer = 0x02;
  constexpr std::uint8_t octet_string = 0x04;
  constexpr std::uint8_t bind_request = 0x60;
  constexpr std::uint8_t search_request = 0x63;
  constexpr std::uint8_t extended_request = 0x77;
  const bool datagram = beginning.tuple.transport == Transport::Udp;
  const Bytes bytes = datagram ? latest_datagram(beginning) : beginning.latest_sent();
  if (bytes.empty()) return Probe::not_yet;
  if (bytes[0] != sequence) return Probe::no_match;
  constexpr std::size_t needed = 24;
  // The longest lengths, and what is looked at of an operation.
  const auto incomplete = [&] { return datagram || bytes.size() >= needed ? Probe::no_match : Probe::not_yet; };
  Reader reader(bytes);
  reader.u8();
  std::size_t message = 0;
  if (!take_length(reader, message)) return incomplete();
  const std::size_t whole = reader.remaining();
  if (datagram && message != whole) return Probe::no_match;
  if (reader.u8() != integer) return reader.ok() ? Probe::no_match : incomplete();
  std::size_t number = 0;
  if (!take_length(reader, number) || number > 4) return reader.ok() ? Probe::no_match : incomplete();
  reader.take(number);
  const std::uint8_t operation = reader.u8();
  std::size_t length = 0;
  if (!take_length(reader, length)) return incomplete();
  const std::size_t before = whole - reader.remaining();
  if (message < before || length > message - before) return Probe::no_match;
  const std::uint8_t tag = reader.u8();
  switch (operation) {
    case bind_request: {  // the version: 2 or 3
      if (tag != integer && reader.ok()) return Probe::no_match;
      const std::uint8_t size = reader.u8();
      const std::uint8_t version = reader.u8();
      const std::uint8_t name = reader.u8();
      if (!reader.ok()) return incomplete();
      return decided(size == 1 && (version == 2 || version == 3) && name == octet_string);
    }
    case search_request:  // the base's name, then the scope
    {
      if (tag != octet_string && reader.ok()) return Probe::no_match;
      std::size_t name = 0;
      if (!take_length(reader, name)) return incomplete();
      if (name > length) return Probe::no_match;
      return port_is_one_of(beginning.tuple, {389, 3268}) ? Probe::match : decided(message > length && number != 0);
    }
    case extended_request:  // the operation's name: [0]
      return reader.ok() ? decided(tag == 0x80) : incomplete();
    default:
      return Probe::no_match;
  }
}

// ---- databases ------------------------------------------------------------------------------------------------

Probe probe_postgresql(const Beginning& beginning) noexcept {
  constexpr std::uint32_t version_3 = 0x00030000;
  constexpr std::uint32_t cancel_request = 80877102;
  constexpr std::uint32_t ssl_request = 80877103;
  constexpr std::uint32_t gss_request = 80877104;
  const Bytes bytes = beginning.latest_sent();
  if (!bytes_may_be(bytes, {0, 0})) return Probe::no_match;
  if (bytes.size() < 8) return Probe::not_yet;
  const std::uint32_t length = load32(bytes.data());
  const std::uint32_t code = load32(bytes.data() + 4);
  if (code == ssl_request || code == gss_request) return decided(length == 8);
  if (code == cancel_request) return decided(length == 16);
  // A start-up message: names and values, each with a zero behind it, and one more. 3.0 and its later revisions.
  if (code < version_3 || code > version_3 + 2 || length < 9 || length > 10000) return Probe::no_match;
  constexpr std::string_view user = "user";
  const Bytes first = bytes.subspan(8);
  const auto letters = [](std::uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
  };
  const auto end = std::ranges::find(first, 0);
  if (!std::all_of(first.begin(), end, letters)) return Probe::no_match;
  if (bytes.size() < length) return Probe::not_yet;
  return decided(as_text(first.first(length - 8)).find(user) != std::string_view::npos && bytes[length - 1] == 0);
}

// The server speaks first: version 10 of the handshake, or an error to a client that is not allowed.
Probe probe_mysql(const Beginning& beginning) noexcept {
  constexpr std::size_t header = 4;
  constexpr std::uint8_t version_10 = 10;
  constexpr std::uint8_t error = 0xff;
  const Bytes bytes = beginning.latest_sent();
  if (bytes.size() < header + 1) return Probe::not_yet;
  const std::uint32_t length = load24_little_endian(bytes.data());
  const bool first = bytes[3] == 0;
  if (!first || length < 8 || length > 512) return Probe::no_match;
  if (bytes[4] != version_10 && bytes[4] != error) return Probe::no_match;
  if (bytes.size() < header + length) return Probe::not_yet;
  if (bytes.size() != header + length) return Probe::no_match;  // it waits for the client now
  const Bytes message = bytes.subspan(header + 1);
  if (bytes[4] == error) {
    const std::uint32_t code = message[0] | std::uint32_t{message[1]} << 8;
    const bool text = std::ranges::all_of(message.subspan(2), [](std::uint8_t c) { return c >= ' ' && c < 0x7f; });
    return decided(code >= 1000 && code < 5000 && text && port_is_one_of(beginning.tuple, {3306}));
  }
  // A version such as 8.0.36 or 5.5.5-10.11.6-MariaDB, the thread's number, eight bytes of challenge and a zero.
  constexpr std::size_t behind = 4 + 8 + 1;
  const std::string_view text = as_text(message);
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos || end < 3 || message.size() < end + 1 + behind) return Probe::no_match;
  const std::string_view version = text.substr(0, end);
  const bool numbers = version[0] >= '1' && version[0] <= '9' && version.find('.') != std::string_view::npos;
  const bool printable = std::ranges::all_of(version, [](char c) { return c > ' ' && c < 0x7f; });
  return decided(numbers && printable && message[end + behind] == 0);
}

// ---- BitTorrent -----------------------------------------------------------------------------------------------

Probe probe_bittorrent_datagram(const Beginning& beginning) noexcept {
  constexpr std::uint32_t tracker_magic[] = {0x417, 0x27101980};  // BEP 15
  const Bytes bytes = latest_datagram(beginning);
  const std::string_view text = as_text(bytes);
  if (bytes.size() == 16 && load32(bytes.data()) == tracker_magic[0] && load32(bytes.data() + 4) == tracker_magic[1]) {
    return decided(load32(bytes.data() + 8) == 0);
  }
  if (text.starts_with("BT-SEARCH * HTTP/1.1\r\n")) return Probe::match;  // BEP 14
  // BEP 5: a query, a response or an error of the distributed hash table; keys are sorted, the transaction and the
  // kind of message are there in all of them.
  const bool dictionary =
      text.starts_with("d1:a") || text.starts_with("d1:r") || text.starts_with("d1:e") || text.starts_with("d2:ip");
  const bool kind = text.find("1:y1:q") != std::string_view::npos || text.find("1:y1:r") != std::string_view::npos ||
                    text.find("1:y1:e") != std::string_view::npos;
  return decided(dictionary && kind && text.find("1:t") != std::string_view::npos && text.ends_with('e'));
}

Probe probe_bittorrent(const Beginning& beginning) noexcept {
  if (beginning.tuple.transport == Transport::Udp) return probe_bittorrent_datagram(beginning);
  constexpr std::string_view handshake =
      "\x13"
      "BitTorrent protocol";
  const std::string_view text = as_text(beginning.latest_sent());
  if (!may_start_with(text, handshake)) return Probe::no_match;
  return text.size() < handshake.size() ? Probe::not_yet : Probe::match;
}

}  // namespace

constinit const Protocol rdp{.name = "rdp", .implies = "tcp", .probe = probe_rdp};
constinit const Protocol smb{.name = "smb", .implies = "tcp", .probe = probe_smb};
constinit const Protocol ldap{.name = "ldap", .probe = probe_ldap};
constinit const Protocol postgresql{.name = "postgresql", .implies = "tcp", .probe = probe_postgresql};
constinit const Protocol mysql{.name = "mysql", .implies = "tcp", .probe = probe_mysql};
constinit const Protocol bittorrent{.name = "bittorrent", .probe = probe_bittorrent};

}  // namespace iris::parsers::identified
