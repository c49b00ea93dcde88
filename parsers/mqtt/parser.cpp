#include "parsers/mqtt/parser.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>

#include "parsers/text.hpp"

namespace iris::parsers::mqtt {

// Arenas run no destructors.
static_assert(std::is_trivially_destructible_v<MqttExchange> && std::is_trivially_destructible_v<SessionMemory>);

void MqttParser::Queue::push(Exchange* exchange) noexcept {
  Exchange** link = &first;
  while (*link != nullptr) link = &(*link)->next;
  exchange->next = nullptr;
  *link = exchange;
  ++size;
}

MqttParser::Exchange* MqttParser::Queue::take(Exchange** link) noexcept {
  Exchange* taken = *link;
  *link = taken->next;
  --size;
  return taken;
}

Status MqttParser::parse(const Segment& segment) noexcept {
  if (over_) return Status::done;
  segment_ = segment;
  if (segment.gap != 0) bridge(streams_[static_cast<std::size_t>(segment.direction)], segment.gap);
  if (streams_[0].lost && streams_[1].lost) {
    over_ = true;
    return Status::gave_up;
  }
  return go_on();
}

Status MqttParser::next() noexcept {
  if (!ended_) {
    ended_ = true;
    return Status::session_end;
  }
  return go_on();
}

Status MqttParser::finish() noexcept {
  over_ = true;
  segment_.bytes = {};
  while (waiting_.first != nullptr) decided_.push(waiting_.take(&waiting_.first));
  return go_on();
}

// Reads packets until something is decided.
Status MqttParser::go_on() noexcept {
  for (;;) {
    if (decided_.first != nullptr) {
      current_ = decided_.take(&decided_.first);
      ended_ = false;
      return Status::session;
    }
    if (segment_.bytes.empty()) return over_ ? Status::done : Status::more;
    read_packet();
  }
}

// ---- packets ------------------------------------------------------------------------------------------------------

// What lies in the part of a packet that is passed over anyway does no harm; otherwise the next packet's beginning is
// not to be found.
void MqttParser::bridge(Stream& stream, std::uint32_t gap) noexcept {
  const bool passing = stream.in_body && stream.size == stream.needed;
  if (passing && gap <= stream.skipped) {
    stream.skipped -= gap;
    if (stream.skipped == 0) stream = {};
  } else {
    stream.lost = true;
  }
}

void MqttParser::begin_body(Stream& stream) noexcept {
  const FixedHeader& header = stream.header.header();
  const std::uint32_t wanted = is_request(header.type()) ? longest_kept : 256;
  stream.in_body = true;
  stream.needed = std::min(header.length, wanted);
  stream.skipped = header.length - stream.needed;
}

// The next packet of the stream, if it is complete.
void MqttParser::read_packet() noexcept {
  Stream& stream = streams_[static_cast<std::size_t>(segment_.direction)];
  Bytes& bytes = segment_.bytes;
  while (!stream.lost && !stream.in_body && !bytes.empty()) {
    const auto outcome = stream.header.take(bytes.front());
    bytes = bytes.subspan(1);
    if (outcome == FixedHeaderReader::Outcome::malformed) stream.lost = true;
    if (outcome == FixedHeaderReader::Outcome::complete) begin_body(stream);
  }
  if (stream.lost || !stream.in_body) {
    bytes = {};
    return;
  }
  if (stream.size < stream.needed || stream.needed == 0) {
    Bytes body;
    if (stream.bytes == nullptr && bytes.size() >= stream.needed) {
      body = bytes.first(stream.needed);
      bytes = bytes.subspan(stream.needed);
    } else {
      if (stream.bytes == nullptr) stream.bytes = static_cast<std::uint8_t*>(recycler_.take(stream.needed));
      if (stream.bytes == nullptr) {
        stream.lost = true;
        return;
      }
      const std::size_t taken = std::min<std::size_t>(stream.needed - stream.size, bytes.size());
      if (taken != 0) std::memcpy(stream.bytes + stream.size, bytes.data(), taken);
      bytes = bytes.subspan(taken);
      stream.size += static_cast<std::uint32_t>(taken);
      if (stream.size < stream.needed) return;
      body = {stream.bytes, stream.size};
    }
    stream.size = stream.needed;
    take_packet(stream.header.header(), body);
    recycler_.give(stream.bytes, stream.needed);
    stream.bytes = nullptr;
  }
  const std::size_t passed = std::min<std::size_t>(stream.skipped, bytes.size());
  bytes = bytes.subspan(passed);
  stream.skipped -= static_cast<std::uint32_t>(passed);
  if (stream.skipped == 0) stream = {};
}

void MqttParser::take_packet(const FixedHeader& header, Bytes body) noexcept {
  if (is_request(header.type())) return take_request(header, body);
  if (const auto found = read_acknowledgement(header, body, version_)) acknowledge(*found);
}

// ---- exchanges ----------------------------------------------------------------------------------------------------

void MqttParser::take_request(const FixedHeader& header, Bytes body) noexcept {
  void* room = recycler_.take(sizeof(Exchange));
  if (room == nullptr) return;
  auto* exchange = new (room) Exchange(recycler_);
  // What it refers to has to outlive the segment.
  const std::string_view kept = exchange->memory.copy(as_text(body));
  MqttExchange::Layout& layout = exchange->session.layout;
  const Bytes copied{reinterpret_cast<const std::uint8_t*>(kept.data()), kept.size()};
  if (kept.data() == nullptr || !read_request(header, copied, version_, exchange->memory, layout)) {
    return destroy(exchange);
  }
  layout.from_client = segment_.direction == Direction::FromOriginator;
  exchange->ts = segment_.ts;
  exchange->direction = segment_.direction;
  if (layout.kind == MqttKind::publish && layout.qos == 0) return decided_.push(exchange);
  if (waiting_.size == max_waiting) decided_.push(waiting_.take(&waiting_.first));
  waiting_.push(exchange);
}

void MqttParser::acknowledge(const Acknowledgement& acknowledgement) noexcept {
  for (Exchange** link = &waiting_.first; *link != nullptr; link = &(*link)->next) {
    MqttExchange::Layout& layout = (*link)->session.layout;
    const bool same = layout.kind == acknowledgement.kind && layout.packet_id == acknowledgement.packet_id;
    if (!same || (*link)->direction == segment_.direction) continue;
    if (!acknowledgement.last) return;
    layout.acknowledged = true;
    layout.reason = acknowledgement.reason;
    layout.session_present = acknowledgement.session_present;
    layout.rtt = segment_.ts - (*link)->ts;
    return decided_.push(waiting_.take(link));
  }
}

void MqttParser::destroy(Exchange* exchange) noexcept {
  exchange->memory.clear();
  recycler_.give(exchange, sizeof(Exchange));
}

void MqttParser::release(const void* session) noexcept {
  // Its address is the exchange's.
  destroy(static_cast<Exchange*>(const_cast<void*>(session)));
}

Parser* create(Arena& arena, const FiveTuple& /*tuple*/) noexcept {
  void* memory = arena.allocate(sizeof(MqttParser), alignof(MqttParser));
  return memory == nullptr ? nullptr : new (memory) MqttParser(arena);
}

}  // namespace iris::parsers::mqtt
