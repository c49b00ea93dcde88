// Tunnels whose content is encrypted: known by how their first messages answer each other.
#include <algorithm>
#include <cstring>
#include <optional>

#include "parsers/bytes.hpp"
#include "parsers/identified/beginning.hpp"
#include "parsers/identified/identified.hpp"

namespace iris::parsers::identified {
namespace {

// ---- OpenVPN --------------------------------------------------------------------------------------------------

// A message's kind is in the upper five bits of its first byte, the key's number, 0 at first, in the others.
constexpr std::uint8_t reset_client_1 = 1 << 3;
constexpr std::uint8_t reset_server_1 = 2 << 3;
constexpr std::uint8_t reset_client_2 = 7 << 3;
constexpr std::uint8_t reset_server_2 = 8 << 3;
constexpr std::uint8_t reset_client_3 = 10 << 3;
constexpr std::size_t session_id = 8;

bool is_client_reset(std::uint8_t kind) noexcept {
  return kind == reset_client_1 || kind == reset_client_2 || kind == reset_client_3;
}
bool is_server_reset(std::uint8_t kind) noexcept { return kind == reset_server_1 || kind == reset_server_2; }

// One side's first message, over TCP behind its length. Empty while it is not there.
struct FirstMessage {
  Bytes message;
  bool may_be = true;
};

FirstMessage first_message(const Beginning& beginning, Direction direction) noexcept {
  constexpr std::size_t shortest = 1 + session_id + 1;
  constexpr std::size_t longest = 1500;
  if (beginning.tuple.transport == Transport::Udp) {
    const Bytes message = datagram(beginning, direction, 0);
    return {message, message.empty() || (message.size() >= shortest && message.size() <= longest)};
  }
  const Bytes sent = beginning.of(direction);
  if (sent.size() < 3) return {{}, sent.empty() || sent[0] <= longest >> 8};
  const std::size_t length = load16(sent.data());
  const bool kind = is_client_reset(sent[2]) || is_server_reset(sent[2]);
  if (!kind || length < shortest || length > longest) return {{}, false};
  return {sent.size() - 2 < length ? Bytes{} : sent.subspan(2, length), true};
}

bool holds(Bytes message, Bytes part) noexcept { return !std::ranges::search(message, part).empty(); }

// tls-crypt: behind the session's id the packet's number, which is 1 or 2 here, and the sender's clock are in clear,
// then come a tag of 32 bytes and what is encrypted.
std::optional<std::uint32_t> encrypted_since(Bytes message) noexcept {
  constexpr std::size_t number = 1 + session_id;
  if (message.size() < number + 4 + 4 + 32 + 5) return std::nullopt;
  const std::uint32_t packet = load32(message.data() + number) & 0xffU;
  const bool first = (load32(message.data() + number) & 0x00ffff00U) == 0 && packet >= 1 && packet <= 8;
  return first ? std::optional(load32(message.data() + number + 4)) : std::nullopt;
}

// Without an answer: nothing but the session's id, no acknowledgement, and the packet's number 0; or the same behind
// a MAC, the packet's number 1 and the time (tls-auth).
bool is_plain_reset(Bytes message) noexcept {
  constexpr std::size_t plain = 1 + session_id + 1 + 4;
  if (message.size() < plain) return false;
  const Bytes end = message.last(5);
  if (std::ranges::any_of(end, [](std::uint8_t byte) { return byte != 0; })) return false;
  if (message.size() == plain) return true;
  for (const std::size_t mac : {std::size_t{16}, std::size_t{20}, std::size_t{32}, std::size_t{64}}) {
    if (message.size() == plain + mac + 8) return load32(message.data() + 1 + session_id + mac) == 1;
  }
  return false;
}

// The answer to it, in clear: one acknowledgement, of packet 0, and the client's session id.
bool is_plain_answer(Bytes message) noexcept {
  constexpr std::size_t acknowledged = 1 + session_id;
  if (message.size() != acknowledged + 1 + 4 + session_id + 4 || message[acknowledged] != 1) return false;
  return load32(message.data() + acknowledged + 1) == 0 && load32(message.last(4).data()) == 0;
}

Probe probe_openvpn(const Beginning& beginning) noexcept {
  Bytes client;
  Bytes server;
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    const auto [message, may_be] = first_message(beginning, direction);
    if (!may_be) return Probe::no_match;
    if (message.empty()) continue;
    if (is_client_reset(message[0])) {
      client = message;
    } else if (is_server_reset(message[0])) {
      server = message;
    } else {
      return Probe::no_match;
    }
  }
  if (!client.empty() && is_plain_reset(client)) return Probe::match;
  if (!server.empty() && is_plain_answer(server)) return Probe::match;
  if (client.empty() || server.empty()) return Probe::not_yet;
  if (holds(server.subspan(1 + session_id), client.subspan(1, session_id))) return Probe::match;  // acknowledged
  const auto asked = encrypted_since(client);
  const auto answered = encrypted_since(server);
  constexpr std::uint32_t clocks_apart = 24 * 3600;
  return decided(asked && answered && std::max(*asked, *answered) - std::min(*asked, *answered) <= clocks_apart);
}

// ---- WireGuard ------------------------------------------------------------------------------------------------

constexpr std::size_t initiation_length = 148;
constexpr std::size_t response_length = 92;
constexpr std::size_t cookie_length = 64;
constexpr std::size_t shortest_data = 32;

bool is_kind(Bytes message, std::uint8_t kind) noexcept {
  return message.size() >= 4 && message[0] == kind && message[1] == 0 && message[2] == 0 && message[3] == 0;
}

bool all_zero(Bytes bytes) noexcept {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

std::uint64_t counter_of(Bytes data) noexcept {
  std::uint64_t counter = 0;
  for (std::size_t i = 0; i < 8; ++i) counter |= std::uint64_t{data[8 + i]} << (8 * i);
  return counter;
}

// Joined midway: data of one session, numbered upwards.
Probe probe_data(const Beginning& beginning) noexcept {
  const std::size_t count = beginning.datagrams[static_cast<std::size_t>(beginning.latest)].size();
  const Bytes latest = latest_datagram(beginning);
  if (latest.size() < shortest_data || latest.size() % 16 != 0) return Probe::no_match;
  if (count < 2) return counter_of(latest) >> 48 == 0 ? Probe::not_yet : Probe::no_match;
  const Bytes earlier = datagram(beginning, beginning.latest, count - 2);
  if (!is_kind(earlier, 4)) return Probe::no_match;
  const std::uint64_t ahead = counter_of(latest) - counter_of(earlier);
  return decided(std::ranges::equal(earlier.subspan(4, 4), latest.subspan(4, 4)) && ahead >= 1 && ahead <= 64);
}

Probe probe_wireguard(const Beginning& beginning) noexcept {
  const Bytes message = latest_datagram(beginning);
  const Direction others =
      beginning.latest == Direction::FromOriginator ? Direction::FromResponder : Direction::FromOriginator;
  const Bytes earlier = datagram(beginning, others, 0);
  if (is_kind(message, 1)) {  // its last 16 bytes are zero unless the server asked for a cookie
    if (message.size() != initiation_length) return Probe::no_match;
    return all_zero(message.last(16)) ? Probe::match : Probe::not_yet;
  }
  if (is_kind(message, 2)) {
    if (message.size() != response_length) return Probe::no_match;
    if (earlier.size() == initiation_length)
      return decided(std::ranges::equal(earlier.subspan(4, 4), message.subspan(8, 4)));
    return decided(all_zero(message.last(16)));
  }
  if (is_kind(message, 3)) return message.size() == cookie_length ? Probe::not_yet : Probe::no_match;
  return is_kind(message, 4) ? probe_data(beginning) : Probe::no_match;
}

}  // namespace

constinit const Protocol openvpn{.name = "openvpn", .probe = probe_openvpn};
constinit const Protocol wireguard{.name = "wireguard", .implies = "udp", .probe = probe_wireguard};

}  // namespace iris::parsers::identified
