#include "parsers/http/probe.hpp"

#include <algorithm>
#include <array>

#include "parsers/http/head.hpp"
#include "parsers/text.hpp"

namespace iris::parsers::http {
namespace {

// Of a start line: browsers and servers allow some 8 KiB, a probe sees less.
constexpr std::size_t longest_line = 2048;

std::string_view without_empty_lines(std::string_view text) noexcept {
  while (text.starts_with('\r') || text.starts_with('\n')) text.remove_prefix(1);
  return text;
}

bool is_text(std::string_view line) noexcept {
  return !line.empty() &&
         std::ranges::all_of(line, [](char c) { return static_cast<std::uint8_t>(c) >= ' ' || c == '\t'; });
}

Direction other(Direction direction) noexcept {
  return direction == Direction::FromOriginator ? Direction::FromResponder : Direction::FromOriginator;
}

// Beside a server's SETTINGS frame: what its client says first (RFC 9113, 3.4) decides.
Probe probe_beside_settings(std::string_view client) noexcept {
  const std::size_t seen = std::min(client.size(), http2_preface.size());
  if (client.substr(0, seen) != http2_preface.substr(0, seen)) return Probe::no_match;
  return seen == http2_preface.size() ? Probe::match : Probe::not_yet;
}

}  // namespace

bool may_be_settings_frame(std::span<const std::uint8_t> bytes) noexcept {
  constexpr std::size_t setting_length = 6;
  static constexpr std::array<std::uint8_t, 6> behind_length{4, 0, 0, 0, 0, 0};  // SETTINGS, no flags, of no stream
  if (bytes.empty() || bytes[0] != 0) return false;
  if (bytes.size() >= 3 && (std::size_t{bytes[1]} << 8U | bytes[2]) % setting_length != 0) return false;
  const auto rest = bytes.subspan(std::min<std::size_t>(3, bytes.size()));
  const std::size_t seen = std::min(rest.size(), behind_length.size());
  return std::ranges::equal(rest.first(seen), std::span(behind_length).first(seen));
}

Probe probe(const Beginning& beginning) noexcept {
  if (may_be_settings_frame(beginning.latest_sent())) {
    return probe_beside_settings(as_text(beginning.of(other(beginning.latest))));
  }
  const std::string_view text = without_empty_lines(as_text(beginning.latest_sent()));
  if (text.empty()) return Probe::not_yet;
  std::string_view rest = text;
  const std::string_view line = take_line(rest);
  const bool whole = line.size() < text.size() && (!rest.empty() || text.ends_with('\n'));
  if (whole) {
    const auto request = parse_request_line(line);
    const bool old = request && request->version.empty() && request->target.starts_with('/');  // HTTP/0.9
    if ((request && !request->version.empty()) || old || parse_status_line(line)) return Probe::match;
    // Malformed: what the other side says tells.
    const std::string_view others = without_empty_lines(as_text(beginning.of(other(beginning.latest))));
    if (others.empty()) return is_text(line) ? Probe::not_yet : Probe::no_match;
    const bool answered = may_be_status_line(others) && (is_text(line) || request);
    return !answered ? Probe::no_match : others.size() > 8 ? Probe::match : Probe::not_yet;
  }
  if (!may_be_request_line(line) && !may_be_status_line(line)) return Probe::no_match;
  if (line.size() <= longest_line) return Probe::not_yet;
  // A URI that is longer than what is looked at: it has to look like one.
  const std::size_t space = line.find(' ');
  const bool target = space != std::string_view::npos && space + 1 < line.size() &&
                      (line[space + 1] == '/' || line.substr(space + 1).starts_with("http"));
  return target ? Probe::match : Probe::no_match;
}

bool may_tunnel(const Beginning& beginning) noexcept {
  for (const auto& sent : beginning.sent) {
    if (without_empty_lines(as_text(sent)).starts_with("CONNECT ")) return true;
  }
  return false;
}

}  // namespace iris::parsers::http
