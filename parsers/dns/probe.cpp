#include "parsers/dns/probe.hpp"

#include <algorithm>

#include "parsers/bytes.hpp"
#include "parsers/dns/message.hpp"

namespace iris::parsers::dns {
namespace {

bool well_known(const FiveTuple& tuple) noexcept {
  constexpr std::uint16_t ports[] = {53, 5353, 5355};
  return std::ranges::any_of(
      ports, [&](std::uint16_t port) { return tuple.originator.port == port || tuple.responder.port == port; });
}

// RFC 1035, 4.1.1; RFC 2136, 2.2 for updates.
bool plausible(const Header& header) noexcept {
  constexpr std::uint16_t reserved = 0x0040;
  const std::uint8_t opcode = header.opcode();
  if ((header.flags & reserved) != 0 || opcode == 3 || opcode > 6 || header.rcode() > 11) return false;
  if (!header.is_response() && header.rcode() != 0) return false;
  return header.counts[0] <= 32 && header.counts[1] + header.counts[2] + header.counts[3] <= 4096;
}

// NetBIOS names look like DNS: 16 bytes as 32 letters (RFC 1001, 14.1).
bool is_netbios(Message message) noexcept {
  constexpr std::size_t length = 32;
  if (message.size() < header_length + 1 + length || message[header_length] != length) return false;
  return std::ranges::all_of(message.subspan(header_length + 1, length),
                             [](std::uint8_t letter) { return letter >= 'A' && letter <= 'P'; });
}

// `whole`: all of the message is there.
bool is_message(Message message, bool whole, bool port) noexcept {
  if (message.size() < header_length) return false;
  const Header header = read_header(message);
  if (!plausible(header) || is_netbios(message)) return false;
  const bool says = header.counts[0] != 0 || header.counts[1] + header.counts[2] + header.counts[3] != 0;
  if (!says) return port && message.size() == header_length;
  if (header.counts[0] == 0 && !port) return false;
  const std::size_t length = measure(message);
  if (whole && length == message.size()) return true;
  if (!port) return false;
  // Malformed or cut off: the first question has to be right.
  Message first = message;
  std::size_t at = header_length;
  return header.counts[0] == 0 || (skip_name(first, at) && first.size() - at >= 4 && load16(first.data() + at) != 0);
}

Probe probe_stream(std::span<const std::uint8_t> bytes, bool port) noexcept {
  constexpr std::size_t framing = 2;
  if (bytes.size() < framing + header_length) {
    return bytes.size() >= framing && load16(bytes.data()) < header_length ? Probe::no_match : Probe::not_yet;
  }
  const std::size_t length = load16(bytes.data());
  const Message message = bytes.subspan(framing, std::min(length, bytes.size() - framing));
  if (length < header_length || !plausible(read_header(message))) return Probe::no_match;
  const bool whole = message.size() == length;
  if (is_message(message, whole, port && whole)) return Probe::match;
  return whole ? Probe::no_match : Probe::not_yet;
}

}  // namespace

Probe probe(const Beginning& beginning) noexcept {
  const bool port = well_known(beginning.tuple);
  if (beginning.tuple.transport == Transport::Tcp) return probe_stream(beginning.latest_sent(), port);
  const auto datagrams = beginning.datagrams[static_cast<std::size_t>(beginning.latest)];
  const auto sent = beginning.latest_sent();
  const Message message = datagrams.empty() ? sent : sent.last(std::min<std::size_t>(datagrams.back(), sent.size()));
  return is_message(message, true, port) ? Probe::match : Probe::no_match;
}

}  // namespace iris::parsers::dns
