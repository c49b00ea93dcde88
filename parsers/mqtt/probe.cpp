#include "parsers/mqtt/probe.hpp"

#include <algorithm>
#include <string_view>

#include "parsers/mqtt/packet.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::mqtt {

Probe probe(const Beginning& beginning) noexcept {
  using namespace std::string_view_literals;
  // Each with its length ahead and its versions behind: 3; 4 and 5.
  constexpr std::string_view names[] = {"\0\6MQIsdp"sv, "\0\4MQTT"sv};
  constexpr std::uint8_t connect = 0x10;  // no flags
  constexpr std::uint32_t shortest = 12;
  Bytes bytes = beginning.latest_sent();
  if (bytes.empty()) return Probe::not_yet;
  if (bytes[0] != connect) return Probe::no_match;
  FixedHeaderReader header;
  auto outcome = FixedHeaderReader::Outcome::more;
  while (!bytes.empty() && outcome == FixedHeaderReader::Outcome::more) {
    outcome = header.take(bytes.front());
    bytes = bytes.subspan(1);
  }
  if (outcome == FixedHeaderReader::Outcome::more) return Probe::not_yet;
  if (outcome == FixedHeaderReader::Outcome::malformed || header.header().length < shortest) return Probe::no_match;
  const std::string_view text = as_text(bytes);
  for (const std::string_view name : names) {
    const std::size_t compared = std::min(text.size(), name.size());
    if (text.substr(0, compared) != name.substr(0, compared)) continue;
    if (text.size() <= name.size()) return Probe::not_yet;
    const auto version = static_cast<std::uint8_t>(text[name.size()] & 0x7f);  // the highest bit: a bridge
    return version >= 3 && version <= 5 ? Probe::match : Probe::no_match;
  }
  return Probe::no_match;
}

}  // namespace iris::parsers::mqtt
