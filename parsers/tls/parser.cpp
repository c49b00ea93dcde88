#include "parsers/tls/parser.hpp"

#include <new>
#include <type_traits>

#include "parsers/bytes.hpp"
#include "parsers/tls/hello.hpp"

namespace iris::parsers::tls {

// Arenas run no destructors.
static_assert(std::is_trivially_destructible_v<TlsHandshake> && std::is_trivially_destructible_v<HandshakeReader>);

// Segments of a server, its hello included, after which a client of which nothing was seen is not in the traffic: more
// than a server sends before the client's turn. Where the directions come by different ways, either may be ahead.
constexpr std::uint32_t patience = 16;

Status TlsParser::parse(const Segment& segment) noexcept {
  if (reported_ == Reported::end) return Status::done;
  Side& side = sides_[static_cast<std::size_t>(segment.direction)];
  const Side& other = sides_[1 - static_cast<std::size_t>(segment.direction)];
  if (segment.gap != 0) side.over = true;
  if (!side.over) read(side, segment.bytes);

  if (side.lost() && other.lost()) {
    reported_ = Reported::end;
    return Status::gave_up;
  }
  const bool silent = !other.reader.begun() && !other.over;
  const bool one_sided = side.hello == Hello::server && silent && ++unanswered_ > patience;
  if (reported_ == Reported::session) {
    return (side.over && other.over) || one_sided ? report_end() : Status::more;
  }
  const bool some = side.hello != Hello::none || other.hello != Hello::none;
  const bool all = (side.over || side.hello != Hello::none) && (other.over || other.hello != Hello::none);
  return (some && all) || one_sided ? report() : Status::more;
}

Status TlsParser::next() noexcept {
  if (reported_ == Reported::end) return Status::done;
  const bool over = sides_[0].over && sides_[1].over;
  return over || unanswered_ > patience ? report_end() : Status::more;
}

Status TlsParser::finish() noexcept {
  sides_[0].over = sides_[1].over = true;
  if (reported_ == Reported::session) return report_end();
  if (reported_ == Reported::end || !(has(Hello::client) || has(Hello::server))) {
    reported_ = Reported::end;
    return Status::done;
  }
  return report();
}

void TlsParser::read(Side& side, std::span<const std::uint8_t> bytes) noexcept {
  while (!side.over && !bytes.empty()) {
    if (const Outcome outcome = side.reader.read(bytes, arena_); outcome != Outcome::more) take(side, outcome);
  }
}

void TlsParser::take(Side& side, Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::more:
      return;
    case Outcome::message:
      return take_message(side);
    case Outcome::sslv2_client_hello:
      return take_hello(side, Hello::client, true);
    case Outcome::alert:
      return take_alert(side);
    case Outcome::change_cipher_spec:
      // In the middle of TLS 1.3's hellos it means nothing (RFC 8446, D.4).
      if (side.hello == Hello::none) return;
      side.ends_by_change = true;
      break;
    case Outcome::application_data:
    case Outcome::failed:
    case Outcome::out_of_memory:
      break;
  }
  side.over = true;
}

void TlsParser::take_message(Side& side) noexcept {
  const MessageType type = side.reader.type();
  if (side.hello != Hello::none) {
    if (type != MessageType::new_session_ticket) ++side.messages_since_hello;
    if (type == MessageType::certificate) take_certificates(side);
    return;
  }
  switch (type) {
    case MessageType::client_hello:
      return take_hello(side, Hello::client);
    case MessageType::server_hello:
      return take_hello(side, Hello::server);
    case MessageType::hello_request:
      return;
    case MessageType::hello_retry_request:
      handshake_.layout.retried = true;
      return;
    default:  // its hello was missed
      side.over = true;
  }
}

// Of two hellos of the same kind only the first is one.
void TlsParser::take_hello(Side& side, Hello hello, bool sslv2) noexcept {
  TlsHandshake::Layout& layout = handshake_.layout;
  HelloStatus status = HelloStatus::malformed;
  if (!has(hello)) {
    status = hello == Hello::server ? parse_server_hello(side.reader.message(), arena_, layout)
             : sslv2                ? parse_sslv2_client_hello(side.reader.message(), arena_, layout)
                                    : parse_client_hello(side.reader.message(), arena_, layout);
  }
  switch (status) {
    case HelloStatus::ok:
      side.hello = hello;
      break;
    case HelloStatus::retry:
      layout.retried = true;
      break;
    case HelloStatus::malformed:
    case HelloStatus::out_of_memory:
      side.over = true;
  }
}

// RFC 5246, 7.4.2. A chain that is malformed, or too long for the arena, is none.
void TlsParser::take_certificates(Side& side) noexcept {
  auto& chain = side.hello == Hello::server ? handshake_.layout.server_chain : handshake_.layout.client_chain;
  Reader body(side.reader.message());
  const auto vector24 = [](Reader& reader) {
    const std::size_t high = reader.u8();
    return reader.take(high << 16U | reader.u16());
  };
  const auto list = vector24(body);
  std::size_t count = 0;
  Reader certificates(list);
  for (; !certificates.empty(); ++count) vector24(certificates);
  if (!body.ok() || !certificates.ok() || count == 0 || !chain.empty()) return;
  void* memory = arena_.allocate(count * sizeof(TlsHandshake::Bytes), alignof(TlsHandshake::Bytes));
  if (memory == nullptr) return;
  auto* first = static_cast<TlsHandshake::Bytes*>(memory);
  certificates = Reader(list);
  for (std::size_t i = 0; i < count; ++i) new (first + i) TlsHandshake::Bytes(vector24(certificates));
  chain = {first, count};
}

// Of the first from each side. Before both hellos it is told by elimination whose it is.
void TlsParser::take_alert(const Side& side) noexcept {
  const Side& other = &side == sides_.data() ? sides_[1] : sides_[0];
  const bool of_client = side.hello == Hello::client || (side.hello == Hello::none && other.hello == Hello::server);
  auto& alert = of_client ? handshake_.layout.client_alert : handshake_.layout.server_alert;
  if (!alert) alert = TlsAlert{side.reader.alert()[0], side.reader.alert()[1]};
}

bool TlsParser::has(Hello hello) const noexcept { return sides_[0].hello == hello || sides_[1].hello == hello; }

Status TlsParser::report() noexcept {
  reported_ = Reported::session;
  handshake_.layout.complete = has(Hello::client) && has(Hello::server);
  return Status::session;
}

Status TlsParser::report_end() noexcept {
  reported_ = Reported::end;
  // Up to TLS 1.2 a server that resumes changes to the known keys right behind its hello (RFC 5246, 7.3; RFC
  // 5077, 3.1).
  for (const Side& side : sides_) {
    const bool at_once = side.hello == Hello::server && side.ends_by_change && side.messages_since_hello == 0;
    if (at_once && handshake_.layout.version < 0x0304) handshake_.layout.resumed = true;
  }
  return Status::session_end;
}

Parser* create(Arena& arena, const FiveTuple& /*tuple*/) noexcept {
  void* memory = arena.allocate(sizeof(TlsParser), alignof(TlsParser));
  return memory == nullptr ? nullptr : new (memory) TlsParser(arena);
}

}  // namespace iris::parsers::tls
