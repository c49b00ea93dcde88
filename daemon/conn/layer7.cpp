#include "daemon/conn/layer7.hpp"

#include <bit>
#include <cstring>

namespace iris::conn {
namespace {

using parsers::Status;

// A protocol that cannot tell from this much of a direction never will.
constexpr std::uint32_t longest_prefix = 1024;

}  // namespace

std::uint64_t protocols_over(Transport transport) noexcept {
  static const auto tables = [] {
    std::array<std::uint64_t, 2> found{};  // TCP, UDP
    const auto all = parsers::registry();
    for (std::size_t i = 1; i < all.size(); ++i) {
      if (!all[i].has_sessions()) continue;
      if (all[i].implies != "udp") found[0] |= std::uint64_t{1} << i;
      if (all[i].implies != "tcp") found[1] |= std::uint64_t{1} << i;
    }
    return found;
  }();
  return tables[transport == Transport::Tcp ? 0 : 1];
}

// Appends to what is kept of a direction; `room` bytes are taken for it the first time. Returns false when it is not to
// be had: the prefix grew too long, or memory ran out.
bool Layer7::keep(const parsers::Segment& segment, std::size_t room, parsers::Arena& arena) noexcept {
  Prefix& prefix = prefixes_[static_cast<std::size_t>(segment.direction)];
  if (prefix.bytes == nullptr) {
    prefix.bytes = static_cast<std::uint8_t*>(arena.allocate(room, 1));
    prefix.room = prefix.bytes != nullptr ? static_cast<std::uint32_t>(room) : 0;
  }
  if (prefix.bytes == nullptr || prefix.size + segment.bytes.size() > prefix.room) return false;
  std::memcpy(prefix.bytes + prefix.size, segment.bytes.data(), segment.bytes.size());
  prefix.size += static_cast<std::uint32_t>(segment.bytes.size());
  prefix.ts = segment.ts;
  return true;
}

void Layer7::probe(std::span<const std::uint8_t> beginning, Direction direction, parsers::Arena& arena) noexcept {
  const auto all = parsers::registry();
  for (std::uint64_t left = candidates_; left != 0; left &= left - 1) {
    const auto number = static_cast<std::uint32_t>(std::countr_zero(left));
    const parsers::Probe answer = all[number].probe(beginning, direction);
    if (answer == parsers::Probe::not_yet) continue;
    candidates_ &= ~(std::uint64_t{1} << number);
    if (answer == parsers::Probe::no_match) continue;
    parser_ = all[number].create(arena);
    protocol_ = parser_ != nullptr ? number : 0;
    candidates_ = 0;
    return;
  }
}

Status Layer7::parse(const parsers::Segment& segment) noexcept {
  const Status status = parser_->parse(segment);
  if (status == Status::session) session_ = parser_->session();
  return status;
}

// Hands over what was kept while probing, one direction at a time.
Status Layer7::parse_prefixes() noexcept {
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    Prefix& prefix = prefixes_[static_cast<std::size_t>(direction)];
    if (prefix.size == 0) continue;
    const parsers::Segment segment{{prefix.bytes, prefix.size}, prefix.ts, direction, 0};
    prefix.size = 0;
    if (const Status status = parse(segment); status != Status::more) return status;
  }
  return Status::more;
}

// Narrows the candidates by what `segment` adds to its direction. Returns whether its bytes are kept now.
bool Layer7::identify(const parsers::Segment& segment, parsers::Arena& arena) noexcept {
  const Prefix& prefix = prefixes_[static_cast<std::size_t>(segment.direction)];
  if (segment.gap != 0) {
    candidates_ = 0;  // the beginning is what tells
    return false;
  }
  if (prefix.size != 0) {
    const bool kept = keep(segment, longest_prefix, arena);
    if (kept) {
      probe({prefix.bytes, prefix.size}, segment.direction, arena);
    } else {
      candidates_ = 0;
    }
    return kept;
  }
  probe(segment.bytes, segment.direction, arena);
  if (candidates_ == 0) return false;
  const bool kept = keep(segment, longest_prefix, arena);
  if (!kept) candidates_ = 0;
  return kept;
}

Layer7Change Layer7::feed(const parsers::Segment& segment, parsers::Arena& arena) noexcept {
  if (parser_ != nullptr) return {false, parse(segment)};
  if (segment.gap == 0 && segment.bytes.empty()) return {};
  const bool kept = identify(segment, arena);
  if (parser_ == nullptr) return candidates_ != 0 ? Layer7Change{} : Layer7Change{true, Status::done};
  if (kept) return {true, parse_prefixes()};
  const bool others_first = prefixes_[0].size != 0 || prefixes_[1].size != 0;
  if (!others_first) return {true, parse(segment)};
  if (!keep(segment, segment.bytes.size(), arena)) return {true, Status::gave_up};
  return {true, parse_prefixes()};
}

Status Layer7::next() noexcept {
  const Status status = parser_->next();
  if (status == Status::session) session_ = parser_->session();
  return status == Status::more ? parse_prefixes() : status;
}

Status Layer7::finish() noexcept {
  if (parser_ == nullptr) return Status::done;
  const Status status = parser_->finish();
  if (status == Status::session) session_ = parser_->session();
  return status;
}

}  // namespace iris::conn
