#include "daemon/conn/layer7.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace iris::conn {
namespace {

using parsers::Status;

// A protocol that cannot tell from this much of a direction never will: three full datagrams of Ethernet.
constexpr std::size_t longest_prefix = 3 * 1500;
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

// Copies as much as there is room for: of UDP whole datagrams only. The rest stays where it is.
void Layer7::keep(Prefix& prefix, std::span<const std::uint8_t> bytes, parsers::Arena& arena) noexcept {
  prefix.beyond = bytes;
  const std::size_t fits = std::min(bytes.size(), longest_prefix - prefix.size);
  if (fits == 0 || (is_udp() && (fits < bytes.size() || prefix.datagram_count == Prefix::most_datagrams))) return;
  const std::size_t size = prefix.size + fits;
  if (size > prefix.room) {
    const std::size_t room = std::min(std::max(first_prefix, std::bit_ceil(size)), longest_prefix);
    auto* grown = static_cast<std::uint8_t*>(arena.allocate(room, 1));
    if (grown == nullptr) return;
    if (prefix.size != 0) std::memcpy(grown, prefix.bytes, prefix.size);
    prefix.bytes = grown;
    prefix.room = static_cast<std::uint32_t>(room);
  }
  std::memcpy(prefix.bytes + prefix.size, bytes.data(), fits);
  prefix.size = static_cast<std::uint32_t>(size);
  if (is_udp()) prefix.datagrams[prefix.datagram_count++] = static_cast<std::uint16_t>(fits);
  prefix.beyond = bytes.subspan(fits);
}

// What is kept of a direction, to those who recognise protocols.
void Layer7::show(Direction direction) noexcept {
  const Prefix& prefix = prefixes_[static_cast<std::size_t>(direction)];
  beginning_.sent[static_cast<std::size_t>(direction)] = {prefix.bytes, prefix.size};
  beginning_.datagrams[static_cast<std::size_t>(direction)] = std::span(prefix.datagrams).first(prefix.datagram_count);
}

// Narrows the candidates by what `latest` has sent.
void Layer7::probe(Direction latest) noexcept {
  beginning_.latest = latest;
  const auto all = parsers::registry();
  for (std::uint64_t left = candidates_; left != 0; left &= left - 1) {
    const auto number = static_cast<std::uint32_t>(std::countr_zero(left));
    const parsers::Probe answer = all[number].probe(beginning_);
    if (answer == parsers::Probe::not_yet) continue;
    candidates_ &= ~(std::uint64_t{1} << number);
    if (answer == parsers::Probe::no_match) continue;
    protocol_ = number;
    candidates_ = 0;
    return;
  }
}

// After a probe: the protocol is known, or nobody can tell any more. What does not fit is what nobody needed.
bool Layer7::decided() noexcept {
  if (!prefixes_[0].beyond.empty() || !prefixes_[1].beyond.empty()) candidates_ = 0;
  return candidates_ == 0;
}

bool Layer7::feed(const parsers::Segment& segment, parsers::Arena& arena) noexcept {
  data_wanted_ = segment.data_wanted;
  if (parser_ != nullptr) {
    status_ = parse(segment);
    return false;
  }
  status_ = Status::more;
  if (segment.gap != 0) {  // the beginning is what tells
    candidates_ = 0;
    return true;
  }
  if (segment.bytes.empty()) return false;
  const auto direction = static_cast<std::size_t>(segment.direction);
  Prefix& prefix = prefixes_[direction];
  prefix.ts = segment.ts;
  // Mostly the first piece tells: it is not copied.
  const bool first = prefixes_[0].size == 0 && prefixes_[1].size == 0;
  if (first) {
    prefix.beyond = segment.bytes;
    prefix.datagrams[0] = static_cast<std::uint16_t>(segment.bytes.size());
    beginning_.sent[direction] = segment.bytes;
    if (is_udp()) beginning_.datagrams[direction] = std::span(prefix.datagrams).first(1);
  } else {
    keep(prefix, segment.bytes, arena);
    show(segment.direction);
  }
  probe(segment.direction);
  if (protocol_ != 0) return true;
  if (first && candidates_ != 0) {
    keep(prefix, segment.bytes, arena);
    show(segment.direction);
  }
  return decided();
}

Status Layer7::noted(Status status) noexcept {
  const bool reports = status == Status::session || status == Status::session_data || status == Status::session_end;
  if (reports) session_ = parser_->session();
  return status;
}

Status Layer7::parse(const parsers::Segment& segment) noexcept { return noted(parser_->parse(segment)); }

Status Layer7::begin(parsers::Arena& arena) noexcept {
  parser_ = parsers::registry()[protocol_].create(arena, beginning_.tuple);
  return parser_ == nullptr ? Status::done : parse_prefixes();
}

// Hands over what was sent while probing: of UDP datagram by datagram, otherwise one direction at a time.
Status Layer7::parse_prefixes() noexcept {
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    Prefix& prefix = prefixes_[static_cast<std::size_t>(direction)];
    while (prefix.parsed < prefix.size || !prefix.beyond.empty()) {
      parsers::Segment segment{prefix.beyond, prefix.ts, direction, 0, data_wanted_};
      if (prefix.parsed < prefix.size) {
        const std::uint32_t size = is_udp() ? prefix.datagrams[prefix.datagrams_parsed++] : prefix.size - prefix.parsed;
        segment.bytes = {prefix.bytes + prefix.parsed, size};
        prefix.parsed += size;
      } else {
        prefix.beyond = {};
      }
      if (const Status status = parse(segment); status != Status::more) return status;
    }
  }
  return Status::more;
}

Status Layer7::next() noexcept {
  const Status status = noted(parser_->next());
  return status == Status::more ? parse_prefixes() : status;
}

bool Layer7::begin_again(parsers::Arena& arena) noexcept {
  const std::array<std::span<const std::uint8_t>, 2> rests{parser_->rest(Direction::FromOriginator),
                                                           parser_->rest(Direction::FromResponder)};
  // What this parser had not seen yet of what was sent while it was found.
  std::array<Prefix, 2> earlier = prefixes_;
  const FiveTuple& tuple = beginning_.tuple;
  this->~Layer7();
  new (this) Layer7(protocols_over(tuple.transport), tuple);
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    Prefix& prefix = prefixes_[static_cast<std::size_t>(direction)];
    const Prefix& before = earlier[static_cast<std::size_t>(direction)];
    prefix.ts = before.ts;
    keep(prefix, rests[static_cast<std::size_t>(direction)], arena);
    const std::span<const std::uint8_t> unseen(before.bytes + before.parsed, before.size - before.parsed);
    if (!unseen.empty()) keep(prefix, unseen, arena);
    if (!before.beyond.empty()) keep(prefix, before.beyond, arena);
    show(direction);
  }
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    if (beginning_.of(direction).empty() || candidates_ == 0) continue;
    probe(direction);
  }
  return decided();
}

Status Layer7::finish() noexcept { return parser_ == nullptr ? Status::done : noted(parser_->finish()); }

void Layer7::release(const void* session) noexcept {
  if (parser_ != nullptr) parser_->release(session);
}

bool Layer7::may_tunnel() const noexcept {
  const auto answer = parsers::registry()[protocol_].may_tunnel;
  return answer != nullptr && answer(beginning_);
}

}  // namespace iris::conn
