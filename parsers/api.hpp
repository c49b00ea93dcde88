// What every protocol is to the rest of Iris: a schema (its fields, the only list of them), and, where it carries
// sessions, a parser that finds them in a connection's bytes.
//
// Parsers know neither packets nor plans. They are handed in-order bytes, return what they found, and take memory
// from the arena they are handed; they never throw, and malformed input is a value, not an error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <iris/event.hpp>
#include <iris/l4_pdu.hpp>
#include <iris/net.hpp>
#include <iris/session_data.hpp>

namespace iris::parsers {

// ---- schema ---------------------------------------------------------------------------------------------------

// When a field can be read, and what its offset is relative to.
enum class Level : std::uint8_t {
  tuple,     // iris::ConnRecord as it is at L4FirstPacket; of packets by themselves, packet::PacketFacts
  protocol,  // the identified protocol's number (std::uint32_t), at L7OnDisc
  session,   // the protocol's session type, at L7EndHdrs
  stream,    // iris::ConnRecord as it is at the moment: numbers that only grow, until the connection's end
};

enum class FieldType : std::uint8_t {
  number,   // unsigned integer of `width` bytes, host order
  text,     // std::string_view; absent when data() is nullptr
  address,  // iris::IpAddress
};

// How filters write a number, besides as one.
enum class Notation : std::uint8_t {
  plain,
  duration,  // nanoseconds: 1.5s
  mac,       // an IEEE 802 address, the first byte sent being the most significant: 00:1b:21:3c:4d:5e
};

// What a field is about. All but `value` are written as functions, have a field of their own, and no line in
// `irisctl fields`.
enum class Part : std::uint8_t {
  value,   // of lists: any element
  every,   // all(f …): a list has elements, and it is true of each
  length,  // len(f): elements of a list (0 where it is absent), bytes of a text
  sample,  // sample(…): where the connection stands among all of them, from 0 to 2^32 - 1
};

// What a number with two offsets is.
enum class Combination : std::uint8_t {
  either,      // two numbers, of either end
  sum,         // one
  difference,  // one: of two iris::Timestamp, the later one first; 0 where a clock ran backwards
};

// A number that has a name in filters: `dns.qtype = AAAA`.
struct NamedNumber {
  std::string_view name;
  std::uint64_t number = 0;
};

struct Protocol;

// A field as filters name it: `<protocol>.<name>`. Its address is its identity; all but unindexed ones have static
// storage.
struct Field {
  std::string_view name;
  FieldType type;
  Level level;
  std::uint8_t width = 0;         // number: 1, 2, 4 or 8
  bool truth = false;             // number: 0 or 1; the bare name asks whether it is 1
  std::uint8_t alternatives = 1;  // 2: "either end", as ipv4.addr; true when it is true of either
  Combination combination = Combination::either;
  Part part = Part::value;
  Notation notation = Notation::plain;
  std::uint16_t offsets[2] = {0, 0};  // in bytes, in what `level` names
  std::uint16_t flag_offset = 0;      // number in a std::optional: offset of its flag; 0: always present
  bool list = false;                  // std::span of `type`: numbers of `width` bytes, or std::string_view
  bool of_headers = false;            // tuple: offsets are in packet::Headers
  bool names_protocol = false;        // text: a protocol's name, instead of which filters ask for the protocol
  // No field at all, but a predicate that no index answers: an author's (filter::UserFilter), or one of some session
  // (filter::SomeSession).
  bool unindexed = false;
  bool of_some_session = false;
  const Protocol* sessions_of = nullptr;  // of these: whose sessions an author's is asked about; nullptr: connections
  // Computed when asked for, rather than at `offsets`.
  struct Computed {
    std::string_view symbol{};  // that code calls the function by; empty: not computed
    // `session` is of the protocol's session type. data() == nullptr: absent. What it refers to lives as long as the
    // session.
    const std::string_view* (*text)(const void* session) noexcept = nullptr;
    // `base` is what the level's offsets are relative to.
    std::uint64_t (*number)(const void* base) noexcept = nullptr;
  };
  Computed computed{};
  std::string_view doc;                  // one line for `irisctl fields`
  std::span<const NamedNumber> names{};  // number
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
  std::uint32_t gap = 0;     // bytes that are missing here, before `bytes`
  bool data_wanted = false;  // Status::session_data is
};

// All that either side sent so far, up to some thousand bytes: what a protocol is recognised by. The content tells, on
// any port; ports may settle what it leaves open.
struct Beginning {
  const FiveTuple& tuple;
  std::array<std::span<const std::uint8_t>, 2> sent{};        // by Direction; of UDP one datagram behind the other
  std::array<std::span<const std::uint16_t>, 2> datagrams{};  // UDP: their lengths, by Direction
  Direction latest = Direction::FromOriginator;               // whose bytes are new since the last time

  [[nodiscard]] std::span<const std::uint8_t> of(Direction direction) const {
    return sent[static_cast<std::size_t>(direction)];
  }
  [[nodiscard]] std::span<const std::uint8_t> latest_sent() const { return of(latest); }
};

enum class Probe : std::uint8_t { match, no_match, not_yet };  // not_yet: more bytes, of either side, would tell

enum class Status : std::uint8_t {
  more,            // nothing new; hand over what comes next
  session,         // a session's headers are parsed: Parser::session() is it
  session_data,    // a piece behind the headers of Parser::session(), if wanted: Parser::data() is it
  session_end,     // the message of Parser::session(), which was reported before, is complete or cut off
  other_protocol,  // another protocol begins, with what Parser::rest() has; this parser is over
  done,            // no session will come any more, and all have ended
  gave_up,         // malformed, a gap that cannot be bridged, or out of memory; finish() tells which sessions were open
};

// The state of one protocol on one connection. Lives in an arena; its destructor is not run.
//
// Every session is reported twice, in this order: Status::session, Status::session_end; its data in between. Sessions
// may overlap: others may be reported in between.
class Parser {
 public:
  // Takes a segment whole. `segment.bytes` stay valid until parse() or next() has returned none of the
  // three; what is needed longer is copied. The directions of a connection may run ahead of each other: an
  // answer may be handed over before its question.
  [[nodiscard]] virtual Status parse(const Segment& segment) noexcept = 0;
  // After Status::session, session_data and session_end: what else the bytes handed over so far hold. Never called
  // otherwise.
  [[nodiscard]] virtual Status next() noexcept = 0;
  // The connection ended, or the parser gave up: sessions that were begun are reported, as incomplete. next() follows
  // as after parse(); done where there is nothing to report.
  [[nodiscard]] virtual Status finish() noexcept = 0;
  // The session of the latest Status::session, session_data or session_end, of the protocol's session type. Valid, with
  // all that it refers to, until released, or as long as the arena.
  [[nodiscard]] virtual const void* session() const noexcept = 0;
  // After Status::session_data, until next() is called.
  [[nodiscard]] virtual const SessionData* data() const noexcept { return nullptr; }
  // Nobody refers any more to a session whose end was reported: its memory may be used again. Once for each, except
  // where the arena is freed first.
  virtual void release(const void* /*session*/) noexcept {}
  // After Status::other_protocol: what was handed over and belongs to the protocol that follows. Valid as long as the
  // arena, or until the segment is gone.
  [[nodiscard]] virtual std::span<const std::uint8_t> rest(Direction /*direction*/) const noexcept { return {}; }

 protected:
  ~Parser() = default;
};

// A function that the SDK declares extern "C" and a parser defines.
struct SdkFunction {
  std::string_view symbol;
  void* address;
};

// What may carry a protocol: which filters may name it.
enum class Occurrence : std::uint8_t {
  some_connections,
  every_connection,  // its name is always true of connections; not of packets
  packets_only,      // never a connection: filters of the event Packet
};

struct Protocol {
  std::string_view name;  // as filters and `service` name it
  std::span<const Field> fields{};
  // The predicate that the protocol's bare name stands for: `presence` has the value `presence_value`. For application
  // protocols that is `service_field` and the protocol's number in the registry, filled in there.
  const Field* presence = nullptr;
  std::uint64_t presence_value = 0;
  std::uint64_t presence_other = 0;  // a second value that means the same; 0: there is none
  Occurrence occurrence = Occurrence::some_connections;
  std::string_view implies{};  // the transport or network protocol under it, where there is only one: "tcp"; else empty

  // Application protocols only. One without sessions is recognised, and that is all.
  std::string_view session_type{};                                // of the SDK, qualified: "iris::TlsHandshake"
  Probe (*probe)(const Beginning& beginning) noexcept = nullptr;  // a decision is final
  // nullptr when the arena is exhausted. `tuple` outlives the parser.
  Parser* (*create)(Arena& arena, const FiveTuple& tuple) noexcept = nullptr;

  // Of connections recognised as this protocol: whether another may come inside, behind Status::other_protocol. Such
  // connections are parsed also for those who want nothing of this protocol itself. nullptr: never.
  bool (*may_tunnel)(const Beginning& beginning) noexcept = nullptr;

  bool has_data = false;  // its parser knows Status::session_data

  // Besides those of computed fields. nullptr: there are none.
  std::span<const SdkFunction> (*sdk_functions)() noexcept = nullptr;

  [[nodiscard]] bool is_application() const { return probe != nullptr; }
  [[nodiscard]] bool has_sessions() const { return create != nullptr; }
};

// Level::protocol's one field: which protocol was identified, by number; 0 is none.
extern const Field service_field;

// All protocols, in an order that never changes while the daemon runs. Entry 0 is "no protocol" and has no name.
[[nodiscard]] std::span<const Protocol> registry() noexcept;

// nullptr when there is none of that name.
[[nodiscard]] const Protocol* find_protocol(std::string_view name) noexcept;
// Its place in the registry; 0 when there is none of that name.
[[nodiscard]] std::uint32_t protocol_number(std::string_view name) noexcept;

}  // namespace iris::parsers
