#include "parsers/tls/parser.hpp"

#include <new>
#include <type_traits>

#include "parsers/tls/hello.hpp"

namespace iris::parsers::tls {

// Arenas run no destructors.
static_assert(std::is_trivially_destructible_v<TlsHandshake> && std::is_trivially_destructible_v<HelloReader>);

// Segments of a server, its hello included, after which a client of which nothing was seen is not in the traffic: more
// than a server sends before the client's turn. Where the directions come by different ways, either may be ahead.
constexpr std::uint32_t patience = 16;

Status TlsParser::parse(const Segment& segment) noexcept {
  if (over_) return Status::done;
  Side& side = sides_[static_cast<std::size_t>(segment.direction)];
  const Side& other = sides_[1 - static_cast<std::size_t>(segment.direction)];
  if (side.state == State::waiting) {
    if (segment.gap != 0) {
      side.state = State::lost;
    } else {
      read(side, segment.bytes);
    }
  }

  if (side.state == State::lost && other.state == State::lost) {
    over_ = true;
    return Status::gave_up;
  }
  const bool complete = side.has_hello() && other.has_hello();
  const bool one_lost =
      (side.state == State::lost && other.has_hello()) || (other.state == State::lost && side.has_hello());
  const bool one_sided = side.state == State::server_hello && !other.reader.begun() && ++unanswered_ > patience;
  return complete || one_lost || one_sided ? report() : Status::more;
}

Status TlsParser::next() noexcept {
  if (ended_) return Status::done;
  ended_ = true;
  return Status::session_end;
}

Status TlsParser::finish() noexcept {
  if (over_ || !(sides_[0].has_hello() || sides_[1].has_hello())) {
    over_ = true;
    return Status::done;
  }
  return report();
}

void TlsParser::read(Side& side, std::span<const std::uint8_t> bytes) noexcept {
  while (side.state == State::waiting && !bytes.empty()) {
    const HelloReader::Outcome outcome = side.reader.read(bytes, arena_);
    if (outcome != HelloReader::Outcome::more) side.state = take_hello(side.reader, outcome);
  }
}

// The state of a side whose reader has come to `outcome`. Of two hellos of the same kind only the first is one.
TlsParser::State TlsParser::take_hello(const HelloReader& reader, HelloReader::Outcome outcome) noexcept {
  using Outcome = HelloReader::Outcome;
  TlsHandshake::Layout& layout = handshake_.layout;
  const bool from_server = outcome == Outcome::server_hello;
  const State hello = from_server ? State::server_hello : State::client_hello;
  if (outcome == Outcome::failed || outcome == Outcome::out_of_memory || has(hello)) return State::lost;

  const HelloStatus status = from_server ? parse_server_hello(reader.message(), layout)
                             : outcome == Outcome::client_hello
                                 ? parse_client_hello(reader.message(), arena_, layout)
                                 : parse_sslv2_client_hello(reader.message(), arena_, layout);
  switch (status) {
    case HelloStatus::ok:
      return hello;
    case HelloStatus::retry:
      return State::waiting;
    case HelloStatus::malformed:
    case HelloStatus::out_of_memory:
      break;
  }
  return State::lost;
}

bool TlsParser::has(State state) const noexcept { return sides_[0].state == state || sides_[1].state == state; }

Status TlsParser::report() noexcept {
  over_ = true;
  handshake_.layout.complete = has(State::client_hello) && has(State::server_hello);
  return Status::session;
}

Parser* create(Arena& arena, const FiveTuple& /*tuple*/) noexcept {
  void* memory = arena.allocate(sizeof(TlsParser), alignof(TlsParser));
  return memory == nullptr ? nullptr : new (memory) TlsParser(arena);
}

}  // namespace iris::parsers::tls
