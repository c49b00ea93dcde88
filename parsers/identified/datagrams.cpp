// Protocols of single datagrams. Those with little to tell them by are known by what the two sides, or a few datagrams,
// have in common.
#include <algorithm>

#include "parsers/bytes.hpp"
#include "parsers/identified/beginning.hpp"
#include "parsers/identified/identified.hpp"

namespace iris::parsers::identified {
namespace {

// ---- NTP ------------------------------------------------------------------------------------------------------

constexpr std::size_t ntp_header = 48;

struct NtpHead {
  std::uint8_t version;
  std::uint8_t mode;
};

NtpHead ntp_head(Bytes datagram) noexcept {
  return {static_cast<std::uint8_t>((datagram[0] >> 3) & 7U), static_cast<std::uint8_t>(datagram[0] & 7U)};
}

// Extensions and authentication come in fours (RFC 5905, 7.3).
bool is_ntp(Bytes datagram) noexcept {
  if (datagram.size() < ntp_header || datagram.size() % 4 != 0) return false;
  const auto [version, mode] = ntp_head(datagram);
  return version >= 1 && version <= 4 && mode >= 1 && mode <= 5 && datagram[1] <= 16;
}

// Modes 6 and 7: control messages (RFC 9327) and ntpd's own.
bool is_ntp_control(Bytes datagram) noexcept {
  if (datagram.size() < 8) return false;
  const auto [version, mode] = ntp_head(datagram);
  return (mode == 6 && version >= 1 && version <= 4 && datagram.size() >= 12) ||
         (mode == 7 && version >= 1 && version <= 4);
}

// On other ports the server has to repeat what the client sent: the time of its transmission.
Probe probe_ntp(const Beginning& beginning) noexcept {
  constexpr std::size_t origin = 24;
  constexpr std::size_t transmitted = 40;
  constexpr std::uint8_t client = 3;
  constexpr std::uint8_t server = 4;
  const Bytes latest = latest_datagram(beginning);
  if (port_is_one_of(beginning.tuple, {123})) return decided(is_ntp(latest) || is_ntp_control(latest));
  const Bytes request = datagram(beginning, Direction::FromOriginator, 0);
  const Bytes response = datagram(beginning, Direction::FromResponder, 0);
  if (!request.empty() && !(is_ntp(request) && ntp_head(request).mode == client)) return Probe::no_match;
  if (response.empty()) return Probe::not_yet;
  if (!is_ntp(response) || ntp_head(response).mode != server) return Probe::no_match;
  if (request.empty()) return Probe::not_yet;
  const Bytes sent = request.subspan(transmitted, 8);
  const bool says = std::ranges::any_of(sent, [](std::uint8_t byte) { return byte != 0; });
  return decided(says && std::ranges::equal(sent, response.subspan(origin, 8)));
}

// ---- DHCP -----------------------------------------------------------------------------------------------------

Probe probe_dhcp(const Beginning& beginning) noexcept {
  constexpr std::size_t header = 236;
  constexpr std::uint32_t magic = 0x63825363;
  const Bytes bytes = latest_datagram(beginning);
  const bool head = bytes.size() >= header && (bytes[0] == 1 || bytes[0] == 2) && bytes[2] <= 16;
  if (!head) return Probe::no_match;
  if (bytes.size() >= header + 4 && load32(bytes.data() + header) == magic) return Probe::match;
  return decided(port_is_one_of(beginning.tuple, {67}));  // BOOTP
}

// ---- STUN -----------------------------------------------------------------------------------------------------

constexpr std::size_t stun_header = 20;

// Attributes of a message without a magic cookie (RFC 3489) have to fill it.
bool attributes_fill(Bytes attributes) noexcept {
  while (attributes.size() >= 4) {
    const std::size_t length = (load16(attributes.data() + 2) + 3U) & ~std::size_t{3};
    const std::uint16_t type = load16(attributes.data());
    if (type == 0 || attributes.size() - 4 < length) return false;
    attributes = attributes.subspan(4 + length);
  }
  return attributes.empty();
}

Probe probe_stun(const Beginning& beginning) noexcept {
  constexpr std::uint32_t magic_cookie = 0x2112a442;
  const bool stream = beginning.tuple.transport == Transport::Tcp;
  const Bytes bytes = stream ? beginning.latest_sent() : latest_datagram(beginning);
  if (bytes.empty()) return Probe::not_yet;
  if ((bytes[0] & 0xc0U) != 0) return Probe::no_match;
  if (bytes.size() < stun_header) return stream ? Probe::not_yet : Probe::no_match;
  const std::uint16_t type = load16(bytes.data());
  const std::size_t length = load16(bytes.data() + 2);
  const std::uint16_t method =
      static_cast<std::uint16_t>((type & 0x000fU) | (type & 0x00e0U) >> 1 | (type & 0x3e00U) >> 2);
  if (method == 0 || method > 0x00c || length % 4 != 0) return Probe::no_match;
  if (load32(bytes.data() + 4) == magic_cookie) return decided(stream || length == bytes.size() - stun_header);
  const bool classic = type == 0x0001 || type == 0x0101 || type == 0x0111;
  if (stream || !classic || length != bytes.size() - stun_header) return Probe::no_match;
  return decided(length == 0 ? port_is_one_of(beginning.tuple, {3478}) : attributes_fill(bytes.subspan(stun_header)));
}

// ---- RTP ------------------------------------------------------------------------------------------------------

constexpr std::size_t rtp_header = 12;

// RFC 3551, 6: types 72 to 76 would be taken for RTCP's.
bool is_rtp(Bytes datagram) noexcept {
  if (datagram.size() < rtp_header || datagram[0] >> 6 != 2) return false;
  const std::uint8_t type = datagram[1] & 0x7fU;
  const std::size_t sources = datagram[0] & 0x0fU;
  return (type <= 34 || type >= 96) && load32(datagram.data() + 8) != 0 && datagram.size() >= rtp_header + 4 * sources;
}

bool follows(Bytes earlier, Bytes later) noexcept {
  const auto ahead = static_cast<std::uint16_t>(load16(later.data() + 2) - load16(earlier.data() + 2));
  const std::uint32_t elapsed = load32(later.data() + 4) - load32(earlier.data() + 4);
  constexpr std::uint32_t most = 90000 * 10;  // ten seconds of video's clock
  return load32(earlier.data() + 8) == load32(later.data() + 8) && ahead >= 1 && ahead <= 4 && elapsed <= most;
}

// One datagram says next to nothing: three of one side's have to follow each other.
Probe probe_rtp(const Beginning& beginning) noexcept {
  constexpr std::size_t needed = 3;
  if (!is_rtp(latest_datagram(beginning))) return Probe::no_match;
  const std::size_t count = beginning.datagrams[static_cast<std::size_t>(beginning.latest)].size();
  for (std::size_t i = 1; i < count; ++i) {
    if (!follows(datagram(beginning, beginning.latest, i - 1), datagram(beginning, beginning.latest, i)))
      return Probe::no_match;
  }
  return count >= needed ? Probe::match : Probe::not_yet;
}

}  // namespace

constinit const Protocol ntp{.name = "ntp", .implies = "udp", .probe = probe_ntp};
constinit const Protocol dhcp{.name = "dhcp", .implies = "udp", .probe = probe_dhcp};
constinit const Protocol stun{.name = "stun", .probe = probe_stun};
constinit const Protocol rtp{.name = "rtp", .implies = "udp", .probe = probe_rtp};

}  // namespace iris::parsers::identified
