// Which application protocol a connection speaks, and the sessions in it: probes the beginning of both directions until
// one protocol is certain or none is left, then drives that protocol's parser. Knows no plan and calls nobody back.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "parsers/api.hpp"

namespace iris::conn {

// The protocols with sessions over `transport`, bit per number in the registry.
[[nodiscard]] std::uint64_t protocols_over(Transport transport) noexcept;

// What a piece of the connection brought.
struct Layer7Change {
  bool decided = false;  // the protocol is known now, or that there is none (Layer7::protocol() is 0)
  parsers::Status status = parsers::Status::more;
};

// Everything it allocates lies in the arena that it is handed, always the same one.
class Layer7 {
 public:
  // `candidates`: bits as of protocols_over; not zero.
  explicit Layer7(std::uint64_t candidates) noexcept : candidates_(candidates) {}

  // One in-order piece of one direction. With Status::session, session() is it; call next() until it says otherwise
  // before the next piece. After Status::done or gave_up nothing more is to be fed.
  [[nodiscard]] Layer7Change feed(const parsers::Segment& segment, parsers::Arena& arena) noexcept;
  [[nodiscard]] parsers::Status next() noexcept;
  // The connection ended: Status::session when a begun one is handed out incomplete.
  [[nodiscard]] parsers::Status finish() noexcept;

  [[nodiscard]] bool decided() const noexcept { return candidates_ == 0 || parser_ != nullptr; }
  [[nodiscard]] std::uint32_t protocol() const noexcept { return protocol_; }
  // nullptr before the first session.
  [[nodiscard]] const void* session() const noexcept { return session_; }

 private:
  // What one side sent before the protocol was known.
  struct Prefix {
    std::uint8_t* bytes = nullptr;
    std::uint32_t size = 0;
    std::uint32_t room = 0;
    Timestamp ts;
  };

  bool keep(const parsers::Segment& segment, std::size_t room, parsers::Arena& arena) noexcept;
  bool identify(const parsers::Segment& segment, parsers::Arena& arena) noexcept;
  void probe(std::span<const std::uint8_t> beginning, Direction direction, parsers::Arena& arena) noexcept;
  parsers::Status parse(const parsers::Segment& segment) noexcept;
  parsers::Status parse_prefixes() noexcept;

  std::uint64_t candidates_;  // while probing: who may still be it
  parsers::Parser* parser_ = nullptr;
  const void* session_ = nullptr;
  std::uint32_t protocol_ = 0;
  std::array<Prefix, 2> prefixes_;  // by Direction
};

}  // namespace iris::conn
