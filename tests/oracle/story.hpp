// What happens in a capture, connection by connection, found out as plainly as possible: every packet is decoded, every
// byte of every connection parsed, whoever wants it or not. events.hpp then looks up in it what a filter is true of.
//
// A connection ends by FIN from both sides, each acknowledged; by RST; in a pause; or with the capture. Behind FIN or
// RST it lingers until it is begun anew or a pause comes. What is missing is waited for until the streams end, or until
// a pause; what comes later is counted, and that is all.
#pragma once

#include <cstdint>
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

// Something became known, or a packet was counted.
struct Moment {
  When when = 0;
  Facts facts;
};

struct Story {
  FiveTuple tuple;  // as the first packet says
  When begun = 0;
  // It began without a SYN, and may be as old as the first packet behind the last long pause, for all that a
  // subscription knows that came later. Otherwise as `begun`.
  When may_have_begun = 0;
  std::vector<Moment> moments;  // in order
  std::string packets;          // in short, for people
};

[[nodiscard]] std::vector<Story> stories_of(const Capture& capture);

}  // namespace iris::oracle
