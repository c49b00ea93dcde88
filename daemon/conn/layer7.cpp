#include "daemon/conn/layer7.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace iris::conn {
namespace {

using parsers::Status;

// A protocol that cannot tell from this much of a direction never will.
constexpr std::size_t longest_prefix = 4096;
constexpr std::size_t first_prefix = 256;

}  // namespace

std::uint64_t protocols_over(Transport transport) noexcept {
  static const auto tables = [] {
    std::array<std::uint64_t, 2> found{};  // TCP, UDP
    const auto all = parsers::registry();
    for (std::size_t i = 1; i < all.size(); ++i) {
      if (!all[i].is_application()) continue;
      if (all[i].implies != "udp") found[0] |= std::uint64_t{1} << i;
      if (all[i].implies != "tcp") found[1] |= std::uint64_t{1} << i;
    }
    return found;
  }();
  return tables[transport == Transport::Tcp ? 0 : 1];
}

// Appends to what is kept of a direction. False when it is not to be had: the prefix is too long, or memory ran out.
bool Layer7::keep(const parsers::Segment& segment, parsers::Arena& arena) noexcept {
  const auto direction = static_cast<std::size_t>(segment.direction);
  Prefix& prefix = prefixes_[direction];
  const std::size_t size = prefix.size + segment.bytes.size();
  if (is_udp() && prefix.datagram_count == Prefix::most_datagrams) return false;
  if (size > prefix.room) {
    const std::size_t room = std::max(first_prefix, std::bit_ceil(size));
    auto* grown = room > longest_prefix ? nullptr : static_cast<std::uint8_t*>(arena.allocate(room, 1));
    if (grown == nullptr) return false;
    if (prefix.size != 0) std::memcpy(grown, prefix.bytes, prefix.size);
    prefix.bytes = grown;
    prefix.room = static_cast<std::uint32_t>(room);
  }
  std::memcpy(prefix.bytes + prefix.size, segment.bytes.data(), segment.bytes.size());
  prefix.size = static_cast<std::uint32_t>(size);
  prefix.ts = segment.ts;
  if (is_udp()) prefix.datagrams[prefix.datagram_count++] = static_cast<std::uint16_t>(segment.bytes.size());
  beginning_.sent[direction] = {prefix.bytes, prefix.size};
  beginning_.datagrams[direction] = std::span(prefix.datagrams).first(prefix.datagram_count);
  return true;
}

// Narrows the candidates by what the segment adds.
void Layer7::probe(const parsers::Segment& segment, parsers::Arena& arena) noexcept {
  beginning_.latest = segment.direction;
  const auto all = parsers::registry();
  for (std::uint64_t left = candidates_; left != 0; left &= left - 1) {
    const auto number = static_cast<std::uint32_t>(std::countr_zero(left));
    const parsers::Probe answer = all[number].probe(beginning_);
    if (answer == parsers::Probe::not_yet) continue;
    candidates_ &= ~(std::uint64_t{1} << number);
    if (answer == parsers::Probe::no_match) continue;
    protocol_ = number;
    candidates_ = 0;
    if (all[number].has_sessions()) parser_ = all[number].create(arena, beginning_.tuple);
    return;
  }
}

Status Layer7::noted(Status status) noexcept {
  if (status == Status::session || status == Status::session_end) session_ = parser_->session();
  return status;
}

// Hands over what was kept while probing: of UDP datagram by datagram, otherwise one direction at a time.
Status Layer7::parse_prefixes() noexcept {
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    Prefix& prefix = prefixes_[static_cast<std::size_t>(direction)];
    while (prefix.parsed < prefix.size) {
      const std::uint32_t size = is_udp() ? prefix.datagrams[prefix.datagrams_parsed++] : prefix.size - prefix.parsed;
      const parsers::Segment segment{{prefix.bytes + prefix.parsed, size}, prefix.ts, direction, 0};
      prefix.parsed += size;
      if (const Status status = parser_->parse(segment); status != Status::more) return noted(status);
    }
  }
  return Status::more;
}

Layer7Change Layer7::feed(const parsers::Segment& segment, parsers::Arena& arena) noexcept {
  if (parser_ != nullptr) return {false, noted(parser_->parse(segment))};
  if (segment.gap == 0 && segment.bytes.empty()) return {};
  // The beginning is what tells.
  if (segment.gap != 0) return {true, Status::done};
  const auto direction = static_cast<std::size_t>(segment.direction);
  // The usual case copies nothing: the first segment tells.
  const auto length = static_cast<std::uint16_t>(segment.bytes.size());
  const bool first = prefixes_[0].size == 0 && prefixes_[1].size == 0;
  const bool kept = !first && keep(segment, arena);
  if (first) {
    beginning_.sent[direction] = segment.bytes;
    if (is_udp()) beginning_.datagrams[direction] = {&length, 1};
  }
  if (first || kept) probe(segment, arena);
  if (protocol_ != 0) {
    if (parser_ == nullptr) {
      const bool wanted = parsers::registry()[protocol_].has_sessions();
      return {true, wanted ? Status::gave_up : Status::done};
    }
    return {true, first ? noted(parser_->parse(segment)) : parse_prefixes()};
  }
  if (candidates_ == 0 || !(kept || keep(segment, arena))) return {true, Status::done};
  return {};
}

Status Layer7::next() noexcept {
  const Status status = noted(parser_->next());
  return status == Status::more ? parse_prefixes() : status;
}

Status Layer7::finish() noexcept { return parser_ == nullptr ? Status::done : noted(parser_->finish()); }

void Layer7::release(const void* session) noexcept {
  if (parser_ != nullptr) parser_->release(session);
}

}  // namespace iris::conn
