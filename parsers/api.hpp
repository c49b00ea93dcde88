// What every protocol is to the rest of Iris: a schema (its fields, the only list of them), and, where it carries
// sessions, a parser that finds them in a connection's bytes.
//
// Parsers know neither packets nor plans. They are handed in-order bytes, return what they found, and take memory
// from the arena they are handed; they never throw, and malformed input is a value, not an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <iris/event.hpp>
#include <iris/l4_pdu.hpp>

namespace iris::parsers {

// ---- schema ---------------------------------------------------------------------------------------------------

// When a field can be read, and what its offset is relative to.
enum class Level : std::uint8_t {
  tuple,     // iris::ConnRecord as it is at L4FirstPacket; of packets by themselves, packet::PacketFacts
  protocol,  // the identified protocol's number (std::uint32_t), at L7OnDisc
  session,   // the protocol's session type, at L7EndHdrs
};

enum class FieldType : std::uint8_t {
  number,   // unsigned integer of `width` bytes, host order
  text,     // std::string_view; absent when data() is nullptr
  address,  // iris::IpAddress
};

// A field as filters name it: `<protocol>.<name>`. Has static storage: its address is its identity.
struct Field {
  std::string_view name;
  FieldType type;
  Level level;
  std::uint8_t width = 0;             // number: 1, 2, 4 or 8
  bool truth = false;                 // number: 0 or 1; the bare name asks whether it is 1
  std::uint8_t alternatives = 1;      // 2: "either end", as ipv4.addr; true when it is true of either
  std::uint16_t offsets[2] = {0, 0};  // in bytes, in what `level` names
  std::uint16_t flag_offset = 0;      // number in a std::optional: offset of its flag; 0: always present
  std::string_view doc;               // one line for `irisctl fields`
};

// ---- parsers --------------------------------------------------------------------------------------------------

// Memory for one connection's parser. Freed whole, never piecewise.
class Arena {
 public:
  // nullptr when the connection's cap is reached; parsers then give up.
  [[nodiscard]] virtual void* allocate(std::size_t size, std::size_t alignment) noexcept = 0;

 protected:
  ~Arena() = default;
};

// A piece of one direction of a connection: for TCP, in sequence order, each byte once; for UDP, a datagram.
struct Segment {
  std::span<const std::uint8_t> bytes;  // empty for a gap
  Timestamp ts;
  Direction direction = Direction::FromOriginator;
  std::uint32_t gap = 0;  // bytes that are missing here, before `bytes`
};

enum class Probe : std::uint8_t { match, no_match, not_yet };  // not_yet: more bytes would tell

enum class Status : std::uint8_t {
  more,     // nothing new; hand over what comes next
  session,  // a session's headers are parsed: Parser::session() is it, until next() is asked
  done,     // no session will come any more
  gave_up,  // malformed, a gap that cannot be bridged, or out of memory
};

// The state of one protocol on one connection. Lives in an arena; its destructor is not run.
class Parser {
 public:
  // Takes a segment whole: a parser keeps what it still needs of it.
  [[nodiscard]] virtual Status parse(const Segment& segment) noexcept = 0;
  // After Status::session: what else the bytes handed over so far hold. Never called otherwise.
  [[nodiscard]] virtual Status next() noexcept = 0;
  // The connection ended: a session that was begun and not reported is now, as incomplete.
  [[nodiscard]] virtual Status finish() noexcept = 0;
  // The session of the latest Status::session, of the protocol's session type. Valid as long as the arena.
  [[nodiscard]] virtual const void* session() const noexcept = 0;

 protected:
  ~Parser() = default;
};

// What may carry a protocol: which filters may name it.
enum class Occurrence : std::uint8_t {
  some_connections,
  every_connection,  // its name is always true of connections; not of packets
  packets_only,      // never a connection: filters of the event Packet
};

struct Protocol {
  std::string_view name;  // as filters and `service` name it
  std::span<const Field> fields;
  // The predicate that the protocol's bare name stands for: `presence` has the value `presence_value`. For protocols
  // with sessions that is `service_field` and the protocol's number in the registry, filled in there.
  const Field* presence = nullptr;
  std::uint64_t presence_value = 0;
  std::uint64_t presence_other = 0;  // a second value that means the same; 0: there is none
  Occurrence occurrence = Occurrence::some_connections;
  std::string_view implies{};  // the transport or network protocol under it, where there is only one: "tcp"; else empty

  // Protocols with sessions only.
  std::string_view session_type{};  // of the SDK, qualified: "iris::TlsHandshake"
  // `bytes` is the beginning of what one side sent, all of it so far.
  Probe (*probe)(std::span<const std::uint8_t> bytes, Direction direction) noexcept = nullptr;
  Parser* (*create)(Arena& arena) noexcept = nullptr;  // nullptr when the arena is exhausted

  [[nodiscard]] bool has_sessions() const { return create != nullptr; }
};

// Level::protocol's one field: which protocol was identified, by number; 0 is none.
extern const Field service_field;

// All protocols, in an order that never changes while the daemon runs. Entry 0 is "no protocol" and has no name.
[[nodiscard]] std::span<const Protocol> registry() noexcept;

// nullptr when there is none of that name.
[[nodiscard]] const Protocol* find_protocol(std::string_view name) noexcept;

}  // namespace iris::parsers
