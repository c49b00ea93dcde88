#include "parsers/ssh/probe.hpp"

#include <algorithm>
#include <string_view>

#include "parsers/text.hpp"

namespace iris::parsers::ssh {

Probe probe(const Beginning& beginning) noexcept {
  constexpr std::string_view prefix = "SSH-";
  const std::string_view text = as_text(beginning.latest_sent());
  const std::size_t compared = std::min(text.size(), prefix.size());
  if (text.substr(0, compared) != prefix.substr(0, compared)) return Probe::no_match;
  if (text.size() < prefix.size() + 2) return Probe::not_yet;
  const bool version = (text[4] == '1' || text[4] == '2') && text[5] == '.';
  return version ? Probe::match : Probe::no_match;
}

}  // namespace iris::parsers::ssh
