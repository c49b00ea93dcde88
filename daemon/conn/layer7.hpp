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

// What a piece of the connection brought.
struct Layer7Change {
  bool decided = false;  // the protocol is known now, or that there is none (Layer7::protocol() is 0)
  parsers::Status status = parsers::Status::more;
};

// Everything it allocates lies in the arena that it is handed, always the same one.
class Layer7 {
 public:
  // `candidates`: bits as of protocols_over; not zero. `tuple` outlives it.
  Layer7(std::uint64_t candidates, const FiveTuple& tuple) noexcept : candidates_(candidates), beginning_{tuple} {}

  // One in-order piece of one direction. With Status::session and session_end, session() is it; call next() until it
  // says otherwise before the next piece. After Status::done or gave_up nothing more is to be fed.
  [[nodiscard]] Layer7Change feed(const parsers::Segment& segment, parsers::Arena& arena) noexcept;
  [[nodiscard]] parsers::Status next() noexcept;
  // The connection ended: begun sessions are handed out incomplete, the others with next().
  [[nodiscard]] parsers::Status finish() noexcept;
  // Nobody refers any more to a session whose end was told.
  void release(const void* session) noexcept;

  [[nodiscard]] std::uint32_t protocol() const noexcept { return protocol_; }
  // nullptr before the first session.
  [[nodiscard]] const void* session() const noexcept { return session_; }

 private:
  // What one side sent before the protocol was known.
  struct Prefix {
    static constexpr std::size_t most_datagrams = 8;

    std::uint8_t* bytes = nullptr;
    std::uint32_t size = 0;
    std::uint32_t room = 0;
    std::uint32_t parsed = 0;  // of `size`: handed over to the parser
    std::uint32_t datagrams_parsed = 0;
    std::array<std::uint16_t, most_datagrams> datagrams{};  // UDP: their lengths
    std::uint32_t datagram_count = 0;
    Timestamp ts;  // of the latest piece
  };

  [[nodiscard]] bool is_udp() const noexcept { return beginning_.tuple.transport == Transport::Udp; }
  bool keep(const parsers::Segment& segment, parsers::Arena& arena) noexcept;
  void probe(const parsers::Segment& segment, parsers::Arena& arena) noexcept;
  parsers::Status parse_prefixes() noexcept;
  parsers::Status noted(parsers::Status status) noexcept;

  std::uint64_t candidates_;  // while probing: who may still be it
  parsers::Parser* parser_ = nullptr;
  const void* session_ = nullptr;
  std::uint32_t protocol_ = 0;
  parsers::Beginning beginning_;    // of the bytes of prefixes_, and while probing of the latest segment
  std::array<Prefix, 2> prefixes_;  // by Direction
};

}  // namespace iris::conn
