#include "parsers/quic/google.hpp"

#include <algorithm>
#include <string_view>

#include "parsers/bytes.hpp"
#include "parsers/quic/packet.hpp"
#include "parsers/quic/version.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::quic {
namespace {

using Bytes = std::span<const std::uint8_t>;

// Flags of the public header.
constexpr std::uint8_t has_version = 0x01;
constexpr std::uint8_t has_connection_id = 0x08;
constexpr std::uint8_t never_set = 0xc2;  // reset, multipath, and what is unused
constexpr std::size_t connection_id_length = 8;
constexpr std::size_t version_at = 1 + connection_id_length;

std::uint32_t little_endian(Bytes bytes, std::size_t at) noexcept {
  return bytes[at] | std::uint32_t{bytes[at + 1]} << 8U | std::uint32_t{bytes[at + 2]} << 16U |
         std::uint32_t{bytes[at + 3]} << 24U;
}

// A message of tags: its name, their number, then for each the tag and where its value ends; then the values.
void read_tags(Bytes message, GoogleHello& hello) noexcept {
  constexpr std::size_t head = 8;
  constexpr std::size_t entry = 8;
  constexpr std::size_t most_tags = 128;
  if (message.size() < head) return;
  const std::size_t count = message[4] | std::size_t{message[5]} << 8U;
  const std::size_t values = head + count * entry;
  if (count > most_tags || values > message.size()) return;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = head + i * entry;
    const std::string_view tag = as_text(message.subspan(at, 4));
    const std::size_t end = little_endian(message, at + 4);
    if (end < begin || end > message.size() - values) return;
    const Bytes value = message.subspan(values + begin, end - begin);
    if (tag.starts_with("SNI")) hello.server_name = value;
    if (tag == "UAID") hello.user_agent = value;
    begin = end;
  }
}

}  // namespace

std::uint32_t google_version(Bytes packet) noexcept {
  if (packet.size() < version_at + 4) return 0;
  // From Q044 on the version stands where the IETF's QUIC has it.
  std::uint32_t version = 0;
  if (is_long(packet[0])) {
    version = load32(packet.data() + 1);
  } else if ((packet[0] & never_set) == 0 && (packet[0] & has_version) != 0 && (packet[0] & has_connection_id) != 0) {
    version = load32(packet.data() + version_at);
  }
  return is_google(version) ? version : 0;
}

GoogleHello read_google(Bytes packet) noexcept {
  GoogleHello hello;
  hello.version = google_version(packet);
  LongHeader header;
  if (!is_long(packet[0])) {
    hello.connection_id = packet.subspan(1, connection_id_length);
  } else if (hello.version >= 0x51303439 && read_long_header(packet, header)) {
    hello.connection_id = header.dcid;
  } else if (packet.size() >= 6 + connection_id_length) {  // one byte for both lengths
    hello.connection_id = packet.subspan(6, connection_id_length);
  }
  // Behind the packet number, a hash and a STREAM frame's header, all of varying length.
  constexpr std::size_t furthest = 80;
  constexpr std::string_view name = "CHLO";
  const std::size_t at = as_text(packet.first(std::min(packet.size(), furthest))).find(name);
  if (at != std::string_view::npos) {
    hello.found = true;
    read_tags(packet.subspan(at), hello);
  }
  return hello;
}

}  // namespace iris::parsers::quic
