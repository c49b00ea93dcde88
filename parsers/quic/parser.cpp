#include "parsers/quic/parser.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "parsers/bytes.hpp"
#include "parsers/quic/google.hpp"
#include "parsers/text.hpp"
#include "parsers/tls/hello.hpp"
#include "parsers/tls/wire.hpp"

namespace iris::parsers::quic {

// Arenas run no destructors.
static_assert(std::is_trivially_destructible_v<QuicConnection> && std::is_trivially_destructible_v<CryptoStream>);

// ---- reports --------------------------------------------------------------------------------------------------------

Status QuicParser::parse(const Segment& segment) noexcept {
  if (over_) return Status::done;
  left_ = segment.bytes;
  direction_ = segment.direction;
  is_early_ = false;
  return go_on();
}

Status QuicParser::next() noexcept { return go_on(); }

Status QuicParser::finish() noexcept {
  over_ = true;
  left_ = {};
  if (current_ != nullptr) current_->over = true;
  return go_on();
}

Status QuicParser::go_on() noexcept {
  for (;;) {
    if (current_ != nullptr && !current_->reported && (current_->session.layout.complete || current_->over)) {
      current_->reported = true;
      return Status::session;
    }
    if (current_ != nullptr && current_->over && !current_->ended) {
      current_->ended = true;
      return Status::session_end;
    }
    if (over_) return Status::done;
    if (exhausted_) {
      over_ = true;
      return Status::gave_up;
    }
    if (left_.empty() && !take_early()) return Status::more;
    take_packet();
  }
}

// ---- Initials before their keys -------------------------------------------------------------------------------------

// False when there is none to try again.
bool QuicParser::take_early() noexcept {
  if (!early_again_ || early_ == nullptr) {
    early_again_ = false;
    return false;
  }
  left_ = early_->packet;
  direction_ = early_->direction;
  is_early_ = true;
  early_ = early_->next;
  --early_count_;
  return true;
}

void QuicParser::keep_early(Bytes packet) noexcept {
  if (early_count_ == max_early || packet.size() > max_early_bytes) return;
  void* memory = arena_.allocate(sizeof(Early) + packet.size(), alignof(Early));
  if (memory == nullptr) return;
  auto* bytes = static_cast<std::uint8_t*>(memory) + sizeof(Early);
  std::memcpy(bytes, packet.data(), packet.size());
  Early** last = &early_;
  while (*last != nullptr) last = &(*last)->next;
  *last = new (memory) Early{{bytes, packet.size()}, direction_};
  ++early_count_;
}

// Whether a packet that does not open may do so with other keys: those of a client that was not seen yet, or those
// behind a Retry.
bool QuicParser::may_open_later() const noexcept {
  if (is_early_) return false;
  if (!has_keys()) return true;
  const Connection* own = open_one();
  return own != nullptr && !from_client() && !own->server_hello_read;
}

// ---- packets --------------------------------------------------------------------------------------------------------

// The first packet of what is left of the datagram.
void QuicParser::take_packet() noexcept {
  LongHeader header;
  if (google_version(left_) != 0) return take_google();
  if (!is_long(left_.front())) return take_short();
  if (!read_long_header(left_, header)) {
    left_ = {};
    return;
  }
  if (header.version == 0) return take_negotiation();
  const Version* version = is_grease(header.version) ? versions_behind_grease().data() : find_version(header.version);
  if (current_ == nullptr && from_client()) begin(header);
  Connection* own = open_one();
  if (version == nullptr || version->salt == nullptr) {
    if (own != nullptr && from_client()) set_version(own->session.layout, header.version);
    left_ = {};
    return;
  }
  const PacketType type = packet_type(*version, header.first_byte);
  Extent extent;
  if (type == PacketType::retry) return take_retry();
  if (!read_extent(left_, header, type == PacketType::initial, extent)) {
    left_ = {};
    return;
  }
  if (type == PacketType::zero_rtt) note(&QuicConnection::Layout::zero_rtt, hints_.zero_rtt);
  if (!from_client() && own != nullptr && own->session.layout.server_scid.data() == nullptr) {
    own->session.layout.server_scid = copy(header.scid);
  }
  if (type == PacketType::initial) return take_initial(header, *version, extent);
  left_ = left_.subspan(extent.end);
}

// Behind it nothing can be told apart. Of the client it says that the handshake is done.
void QuicParser::take_short() noexcept {
  constexpr std::uint8_t fixed_bit = 0x40;
  const bool padding = (left_.front() & fixed_bit) == 0;  // of a datagram, behind its last packet
  left_ = {};
  Connection* own = open_one();
  if (!padding && own != nullptr && from_client() && own->reported) own->over = true;
}

// Only servers send them; until there are keys nobody knows who that is.
void QuicParser::take_retry() noexcept {
  left_ = {};
  if (!has_keys() || !from_client()) note(&QuicConnection::Layout::retry, hints_.retry);
}

void QuicParser::take_negotiation() noexcept {
  left_ = {};
  note(&QuicConnection::Layout::version_negotiation, hints_.version_negotiation);
}

void QuicParser::note(bool QuicConnection::Layout::* fact, bool& hint) noexcept {
  if (current_ == nullptr) hint = true;
  if (Connection* own = open_one()) own->session.layout.*fact = true;
}

// Google's own handshake: what the first client hello says in clear.
void QuicParser::take_google() noexcept {
  const Bytes packet = std::exchange(left_, {});
  const GoogleHello hello = read_google(packet);
  if (hello.found && (current_ == nullptr || !current_->session.layout.complete)) client_ = direction_;
  if (!from_client()) return;
  if (current_ == nullptr) {
    LongHeader own;
    own.version = hello.version;
    own.dcid = hello.connection_id;
    begin(own);
  }
  Connection* own = open_one();
  if (own == nullptr || own->session.layout.complete || !hello.found) return;
  QuicConnection::Layout& layout = own->session.layout;
  const auto text = [&](Bytes bytes) { return bytes.data() == nullptr ? std::string_view() : as_text(copy(bytes)); };
  layout.tls.layout.sni = text(hello.server_name);
  layout.user_agent = text(hello.user_agent);
  layout.complete = true;
}

void QuicParser::take_initial(const LongHeader& header, const Version& version, const Extent& extent) noexcept {
  const Bytes frames = open_initial(header, version, extent);
  if (current_ != nullptr && current_->over && !current_->ended) return;  // another connection: once this one has ended
  if (frames.empty() && may_open_later()) keep_early(left_.first(extent.end));
  left_ = left_.subspan(extent.end);
  Connection* own = open_one();
  if (!frames.empty() && own != nullptr) take_frames(*own, frames);
}

// Empty when it does not open. May find that another connection began, and marks the current one as over.
QuicParser::Bytes QuicParser::open_initial(const LongHeader& header, const Version& version,
                                           const Extent& extent) noexcept {
  const Bytes packet = left_.first(extent.end);
  if (current_ != nullptr && current_->has_keys) {
    const PacketKeys& keys = from_client() ? current_->keys.client : current_->keys.server;
    if (const Bytes frames = open(keys, packet, extent.number_at); !frames.empty()) {
      return open_one() != nullptr ? frames : Bytes{};
    }
    if (!from_client() || std::ranges::equal(current_->key_dcid, header.dcid)) return {};
  }
  InitialKeys keys;
  const Bytes frames = open_first(header, version, extent, keys);
  if (frames.empty()) return {};
  Connection* own = open_one();
  if (!from_client()) {
    client_ = direction_;
    if (own != nullptr) identify(*own, header);
  }
  if (own != nullptr && own->session.layout.complete) {
    const bool again = own->session.layout.retry || own->session.layout.version_negotiation;
    if (!again) own->over = true;
    if (!again) return {};
  }
  if (own == nullptr) {
    begin(header);
    own = open_one();
  }
  if (own == nullptr) return {};
  own->keys = keys;
  own->key_dcid = copy(header.dcid);
  own->has_keys = true;
  early_again_ = true;
  set_version(own->session.layout, header.version);
  return frames;
}

// With keys from the packet's own connection id.
QuicParser::Bytes QuicParser::open_first(const LongHeader& header, const Version& version, const Extent& extent,
                                         InitialKeys& keys) const noexcept {
  const Bytes packet = left_.first(extent.end);
  const auto candidates = is_grease(header.version) ? versions_behind_grease() : std::span(&version, 1);
  for (const Version& candidate : candidates) {
    keys = derive(candidate, header.dcid);
    if (const Bytes frames = open(keys.client, packet, extent.number_at); !frames.empty()) return frames;
  }
  return {};
}

// ---- frames ---------------------------------------------------------------------------------------------------------

// RFC 9000, 12.4: those that Initial packets may have.
void QuicParser::take_frames(Connection& connection, Bytes frames) noexcept {
  constexpr std::uint8_t padding = 0x00;
  constexpr std::uint8_t ping = 0x01;
  constexpr std::uint8_t ack = 0x02;
  constexpr std::uint8_t ack_ecn = 0x03;
  constexpr std::uint8_t crypto = 0x06;
  for (std::size_t at = 0; at < frames.size();) {
    const std::uint8_t type = frames[at++];
    if (type == padding || type == ping) continue;
    std::uint64_t value = 0;
    if (type == crypto) {
      std::uint64_t offset = 0;
      if (!read_integer(frames, at, offset) || !read_integer(frames, at, value) || value > frames.size() - at) return;
      take_crypto(connection, offset, frames.subspan(at, static_cast<std::size_t>(value)));
      at += static_cast<std::size_t>(value);
      continue;
    }
    if (type != ack && type != ack_ecn) return;  // CONNECTION_CLOSE: nothing behind it matters
    std::uint64_t ranges = 0;
    if (!read_integer(frames, at, value) || !read_integer(frames, at, value) || !read_integer(frames, at, ranges)) {
      return;
    }
    std::uint64_t numbers = 1 + 2 * std::min<std::uint64_t>(ranges, frames.size()) + (type == ack_ecn ? 3 : 0);
    for (; numbers > 0; --numbers) {
      if (!read_integer(frames, at, value)) return;
    }
  }
}

void QuicParser::take_crypto(Connection& connection, std::uint64_t offset, Bytes bytes) noexcept {
  if (from_client()) {
    if (connection.session.layout.complete) return;
    (void)connection.client_hello.take(offset, bytes, arena_);
    return read_client_hello(connection);
  }
  if (connection.server_hello_read) return;
  (void)connection.server_hello.take(offset, bytes, arena_);
  read_server_hello(connection);
}

namespace {

// The body of the stream's first message, of the given type; data() == nullptr while it is not whole.
std::span<const std::uint8_t> first_message(std::span<const std::uint8_t> stream, tls::MessageType type) noexcept {
  if (stream.size() < tls::message_header_length || stream[0] != static_cast<std::uint8_t>(type)) return {};
  const std::size_t length = load32(stream.data()) & 0xffffffU;
  if (length > stream.size() - tls::message_header_length) return {};
  return stream.subspan(tls::message_header_length, length);
}

}  // namespace

void QuicParser::read_client_hello(Connection& connection) noexcept {
  const Bytes body = first_message(connection.client_hello.bytes(), tls::MessageType::client_hello);
  if (body.data() == nullptr) return;
  TlsHandshake::Layout& tls = connection.session.layout.tls.layout;
  // Its bytes stay where they are: nothing is added to the stream any more.
  if (tls::parse_client_hello(body, arena_, tls) == tls::HelloStatus::ok) connection.session.layout.complete = true;
}

void QuicParser::read_server_hello(Connection& connection) noexcept {
  const Bytes body = first_message(connection.server_hello.bytes(), tls::MessageType::server_hello);
  if (body.data() == nullptr) return;
  TlsHandshake::Layout& tls = connection.session.layout.tls.layout;
  connection.server_hello_read = tls::parse_server_hello(body, arena_, tls) == tls::HelloStatus::ok;
  tls.complete = connection.server_hello_read && connection.session.layout.complete;
}

// ---- connections ----------------------------------------------------------------------------------------------------

QuicParser::Bytes QuicParser::copy(Bytes bytes) noexcept {
  auto* memory = static_cast<std::uint8_t*>(arena_.allocate(bytes.size(), 1));
  exhausted_ = exhausted_ || memory == nullptr;
  if (memory == nullptr) return {};
  if (!bytes.empty()) std::memcpy(memory, bytes.data(), bytes.size());
  return {memory, bytes.size()};
}

void QuicParser::begin(const LongHeader& header) noexcept {
  void* memory = arena_.allocate(sizeof(Connection), alignof(Connection));
  exhausted_ = exhausted_ || memory == nullptr;
  if (memory == nullptr) return;
  current_ = new (memory) Connection;
  QuicConnection::Layout& layout = current_->session.layout;
  layout.tls.layout.arena = &arena_;
  layout.tls.layout.quic = true;
  const Hints hints = std::exchange(hints_, {});
  layout.retry = hints.retry;
  layout.version_negotiation = hints.version_negotiation;
  layout.zero_rtt = hints.zero_rtt;
  identify(*current_, header);
}

// `header` is the client's.
void QuicParser::identify(Connection& connection, const LongHeader& header) noexcept {
  QuicConnection::Layout& layout = connection.session.layout;
  layout.client_dcid = copy(header.dcid);
  layout.client_scid = copy(header.scid);
  layout.server_scid = {};
  set_version(layout, header.version);
}

void QuicParser::set_version(QuicConnection::Layout& layout, std::uint32_t number) noexcept {
  if (layout.version == number) return;
  layout.version = number;
  if (const Version* version = find_version(number); version != nullptr) {
    layout.version_name = version->name;
    return;
  }
  // "0x0a0a0a0a"
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<std::uint8_t, 10> text{'0', 'x'};
  for (std::size_t i = 0; i < 8; ++i) text[2 + i] = static_cast<std::uint8_t>(digits[number >> (28 - 4 * i) & 15U]);
  layout.version_name = as_text(copy(text));
}

Parser* create(Arena& arena, const FiveTuple& /*tuple*/) noexcept {
  void* memory = arena.allocate(sizeof(QuicParser), alignof(QuicParser));
  return memory == nullptr ? nullptr : new (memory) QuicParser(arena);
}

}  // namespace iris::parsers::quic
