#include "parsers/quic/packet.hpp"

#include "parsers/bytes.hpp"

namespace iris::parsers::quic {

bool read_long_header(std::span<const std::uint8_t> packet, LongHeader& header) noexcept {
  constexpr std::size_t longest_id = 20;
  Reader reader(packet);
  header.first_byte = reader.u8();
  const auto version = reader.take(4);
  header.dcid = reader.vector8();
  header.scid = reader.vector8();
  if (!reader.ok() || !is_long(header.first_byte) || header.dcid.size() > longest_id ||
      header.scid.size() > longest_id) {
    return false;
  }
  header.version = load32(version.data());
  header.size = packet.size() - reader.remaining();
  return true;
}

bool read_integer(std::span<const std::uint8_t> bytes, std::size_t& at, std::uint64_t& value) noexcept {
  if (at >= bytes.size()) return false;
  const std::size_t length = std::size_t{1} << (bytes[at] >> 6U);
  if (length > bytes.size() - at) return false;
  value = bytes[at] & 0x3fU;
  for (std::size_t i = 1; i < length; ++i) value = value << 8U | bytes[at + i];
  at += length;
  return true;
}

bool read_extent(std::span<const std::uint8_t> packet, const LongHeader& header, bool has_token,
                 Extent& extent) noexcept {
  std::size_t at = header.size;
  std::uint64_t length = 0;
  if (has_token) {
    if (!read_integer(packet, at, length) || length > packet.size() - at) return false;
    at += static_cast<std::size_t>(length);
  }
  if (!read_integer(packet, at, length) || length > packet.size() - at) return false;
  extent = {at, at + static_cast<std::size_t>(length)};
  return true;
}

}  // namespace iris::parsers::quic
