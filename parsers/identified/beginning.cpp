#include "parsers/identified/beginning.hpp"

#include <algorithm>

#include "parsers/text.hpp"

namespace iris::parsers::identified {
namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

constexpr bool same_letter(char a, char b) noexcept { return lower(a) == lower(b); }

}  // namespace

bool port_is_one_of(const FiveTuple& tuple, std::initializer_list<std::uint16_t> ports) noexcept {
  return std::ranges::any_of(
      ports, [&](std::uint16_t port) { return tuple.originator.port == port || tuple.responder.port == port; });
}

Bytes latest_datagram(const Beginning& beginning) noexcept {
  const auto sent = beginning.latest_sent();
  const auto lengths = beginning.datagrams[static_cast<std::size_t>(beginning.latest)];
  return lengths.empty() ? sent : sent.last(std::min<std::size_t>(lengths.back(), sent.size()));
}

Bytes datagram(const Beginning& beginning, Direction direction, std::size_t index) noexcept {
  const auto lengths = beginning.datagrams[static_cast<std::size_t>(direction)];
  if (index >= lengths.size()) return {};
  Bytes sent = beginning.of(direction);
  for (std::size_t i = 0; i < index; ++i) sent = sent.subspan(std::min<std::size_t>(lengths[i], sent.size()));
  return sent.first(std::min<std::size_t>(lengths[index], sent.size()));
}

Line first_line(Bytes sent) noexcept {
  const std::string_view text = as_text(sent);
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return {line, end != std::string_view::npos};
}

bool may_start_with(std::string_view text, std::string_view prefix) noexcept {
  const std::size_t compared = std::min(text.size(), prefix.size());
  return text.substr(0, compared) == prefix.substr(0, compared);
}

bool equal_ignoring_case(std::string_view text, std::string_view other) noexcept {
  return std::ranges::equal(text, other, same_letter);
}

bool contains_ignoring_case(std::string_view text, std::string_view part) noexcept {
  return !std::ranges::search(text, part, same_letter).empty();
}

std::string_view first_word(std::string_view text) noexcept { return text.substr(0, text.find(' ')); }

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) noexcept {
  return std::ranges::any_of(words, [&](std::string_view other) { return equal_ignoring_case(word, other); });
}

}  // namespace iris::parsers::identified
