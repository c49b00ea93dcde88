#include "parsers/quic/probe.hpp"

#include <algorithm>

#include "parsers/quic/google.hpp"
#include "parsers/quic/packet.hpp"
#include "parsers/quic/version.hpp"

namespace iris::parsers::quic {
namespace {

bool is_quic(std::span<const std::uint8_t> datagram) noexcept {
  constexpr std::uint8_t fixed_bit = 0x40;
  constexpr std::size_t padded = 1200;
  if (google_version(datagram) != 0) return true;
  LongHeader header;
  if (datagram.empty() || !is_long(datagram[0])) return false;
  if (!read_long_header(datagram, header)) return false;
  if (header.version == 0) {  // a list of versions, in fours
    const std::size_t versions = datagram.size() - header.size;
    return versions != 0 && versions % 4 == 0 && versions <= 256 && header.scid.size() + header.dcid.size() >= 8;
  }
  const Version* version = find_version(header.version);
  if (version == nullptr) return is_grease(header.version) && datagram.size() >= padded;
  const PacketType type = packet_type(*version, header.first_byte);
  // Those who know that the other end does not mind may clear it (RFC 9287).
  if ((header.first_byte & fixed_bit) == 0 && (type != PacketType::initial || datagram.size() < padded)) return false;
  Extent extent;
  return type == PacketType::retry || read_extent(datagram, header, type == PacketType::initial, extent);
}

}  // namespace

Probe probe(const Beginning& beginning) noexcept {
  const auto sent = beginning.latest_sent();
  const auto datagrams = beginning.datagrams[static_cast<std::size_t>(beginning.latest)];
  const auto datagram = datagrams.empty() ? sent : sent.last(std::min<std::size_t>(datagrams.back(), sent.size()));
  return is_quic(datagram) ? Probe::match : Probe::no_match;
}

}  // namespace iris::parsers::quic
