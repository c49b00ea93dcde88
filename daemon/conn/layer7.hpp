// Which application protocol a connection speaks, and the sessions in it: probes the beginning of both directions until
// one protocol is certain or none is left, then drives that protocol's parser. Knows no plan and calls nobody back.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "parsers/api.hpp"

namespace iris::conn {

// The application protocols over `transport`, bit per number in the registry.
[[nodiscard]] std::uint64_t protocols_over(Transport transport) noexcept;

// Everything it allocates lies in the arena that it is handed, always the same one.
class Layer7 {
 public:
  // `candidates`: bits as of protocols_over; not zero. `tuple` outlives it.
  Layer7(std::uint64_t candidates, const FiveTuple& tuple) noexcept : candidates_(candidates), beginning_{tuple} {}

  // One in-order piece of one direction. True when it decided the protocol, 0 being none of ours: begin() parses what
  // was sent so far, or Layer7 is left alone. Otherwise status() tells what the piece brought.
  [[nodiscard]] bool feed(const parsers::Segment& segment, parsers::Arena& arena) noexcept;
  [[nodiscard]] parsers::Status begin(parsers::Arena& arena) noexcept;
  // With Status::session, session_data and session_end, session() is it; call next() until it says otherwise before the
  // next piece. After Status::done nothing more is to be fed, after Status::gave_up finish() is next.
  [[nodiscard]] parsers::Status status() const noexcept { return status_; }
  [[nodiscard]] parsers::Status next() noexcept;
  // After Status::other_protocol: as feed(), of what follows.
  [[nodiscard]] bool begin_again(parsers::Arena& arena) noexcept;
  // The connection ended, or the parser gave up: begun sessions are handed out incomplete, the others with next().
  [[nodiscard]] parsers::Status finish() noexcept;
  // Nobody refers any more to a session whose end was told.
  void release(const void* session) noexcept;

  [[nodiscard]] std::uint32_t protocol() const noexcept { return protocol_; }
  // Whether another protocol may follow inside this one. Once decided, before begin().
  [[nodiscard]] bool may_tunnel() const noexcept;
  // nullptr before the first session.
  [[nodiscard]] const void* session() const noexcept { return session_; }
  // With Status::session_data, until next().
  [[nodiscard]] const SessionData* data() const noexcept { return parser_->data(); }

 private:
  // What one side sent before the protocol was known.
  struct Prefix {
    static constexpr std::size_t most_datagrams = 8;

    std::uint8_t* bytes = nullptr;
    std::uint32_t size = 0;
    std::uint32_t room = 0;
    std::uint32_t parsed = 0;  // of `size`: handed over to the parser
    std::uint32_t datagram_count = 0;
    std::uint32_t datagrams_parsed = 0;
    std::array<std::uint16_t, most_datagrams> datagrams{};  // UDP: their lengths
    std::span<const std::uint8_t> beyond;  // what follows them, of the latest piece: not copied, gone with it
    Timestamp ts;                          // of the latest piece
  };

  [[nodiscard]] bool is_udp() const noexcept { return beginning_.tuple.transport == Transport::Udp; }
  void keep(Prefix& prefix, std::span<const std::uint8_t> bytes, parsers::Arena& arena) noexcept;
  void show(Direction direction) noexcept;
  void probe(Direction latest) noexcept;
  [[nodiscard]] bool decided() noexcept;
  parsers::Status parse(const parsers::Segment& segment) noexcept;
  parsers::Status parse_prefixes() noexcept;
  parsers::Status noted(parsers::Status status) noexcept;

  std::uint64_t candidates_;  // while probing: who may still be it
  parsers::Parser* parser_ = nullptr;
  const void* session_ = nullptr;
  std::uint32_t protocol_ = 0;
  parsers::Status status_ = parsers::Status::more;
  bool data_wanted_ = false;
  parsers::Beginning beginning_;
  std::array<Prefix, 2> prefixes_;  // by Direction
};

}  // namespace iris::conn
