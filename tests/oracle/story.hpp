// What happens in a capture, connection by connection, found out as plainly as possible: every packet is decoded, every
// byte of every connection parsed, whoever wants it or not. A filter's events are then looked up in the story.
//
// Nothing is missing within a connection, and no packets overlap in part. A connection ends by FIN from both sides,
// each acknowledged; by RST; in a pause; or with the capture. Behind FIN or RST it lingers until it is begun anew or a
// pause comes.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "daemon/source/memory.hpp"
#include "tests/oracle/meaning.hpp"

namespace iris::oracle {

// When something happens: with packet p at 2p + 1, in the pause before it at 2p. Subscriptions that come and go before
// packet p, do so behind the pause, at 2p + 1.
using When = std::uint64_t;
constexpr When at_packet(std::size_t packet) { return 2 * packet + 1; }
constexpr When in_pause_before(std::size_t packet) { return 2 * packet; }

enum class Pause : std::uint8_t {
  none,
  short_one,  // ends what lingers
  long_one,   // ends every connection
};

[[nodiscard]] constexpr Duration length_of(Pause pause) {
  constexpr std::int64_t seconds = 1'000'000'000;
  return {pause == Pause::none ? 0 : pause == Pause::short_one ? 20 * seconds : 8000 * seconds};
}

struct Capture {
  std::vector<source::Frame> frames;
  std::vector<Pause> pauses;  // before each frame
};

// Something became known.
struct Moment {
  When when = 0;
  Facts facts;
};

struct Story {
  FiveTuple tuple;  // as the first packet says
  When begun = 0;
  std::vector<Moment> moments;  // in order
  std::string packets;          // in short, for people
};

// `counting`: also a moment for each packet that changes nothing but counters.
// Whether a parser that gave up before its first session leaves it unknown what that would have been, so that neither a
// predicate on a session nor its negation holds; else there was none.
inline constexpr bool giving_up_tells_nothing = true;

[[nodiscard]] std::vector<Story> stories_of(const Capture& capture, bool counting);

// ---- subscriptions, each alone

struct Subscription {
  std::string name;
  Meaning meaning;
  std::uint32_t protocol = 0;   // whose sessions the callback takes; 0: it is called once a connection
  std::string_view row_text{};  // fields of the session that a row tells; may be empty
  std::string_view row_number{};
  When added = 0;
  When removed = ~When{0};
};

// Sessions of a protocol, by its number: what further sessions may be like.
using Universe = std::map<std::uint32_t, std::vector<SessionPtr>>;
[[nodiscard]] Universe universe_of(std::span<const Story> stories);

// A line each.
struct Events {
  std::vector<std::string> certain;
  // What may be emitted as well: the subscription was removed before Kleene's logic decided, but nothing that could
  // still have happened would have made a difference (`tls or not tls`), and so the engine may have known before.
  std::vector<std::string> possible;
};

// What the subscription emits of the connection.
[[nodiscard]] Events events_of(const Subscription& subscription, const Story& story, const Universe& universe);

// The line that tells of a connection or session.
[[nodiscard]] std::string row(const FiveTuple& tuple, std::string_view text, std::uint64_t number);

}  // namespace iris::oracle
