// Some captures and the subscriptions that come and go meanwhile, made from a seed; and what the engine makes of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/oracle/events.hpp"
#include "tests/support/rig.hpp"

namespace iris::oracle {

// What a subscription's callback takes. Each is one source, compiled once.
struct Callback {
  std::string_view source;
  std::string_view protocol;  // whose sessions; empty: it is called once a connection
  std::string_view row_text{};
  std::string_view row_number{};
};

// The callback that takes the protocol's sessions, or no session's.
[[nodiscard]] const Callback& callback_of(std::string_view protocol);

struct Candidate {
  const Callback* callback = nullptr;
  Subscription subscription;
};

// What takes time is that subscriptions come and go.
inline constexpr std::size_t captures_a_round = 8;

struct Round {
  std::uint64_t seed = 0;
  Capture capture;                  // one behind the other
  std::vector<std::size_t> begins;  // the first packet of each
  std::vector<Story> stories;
  Universe universe;
  std::shared_ptr<const Files> files;
  std::vector<Candidate> candidates;
  // A subscription to everything is there all the time, so that no packet filter leaves anything out, and nothing seems
  // older than it is.
  bool watched = false;
  std::vector<std::size_t> bursts;  // how many packets each has at most, over and over
  std::size_t refused = 0;          // filters that can never be true, and never are
};

// Of one filter, there all the time.
[[nodiscard]] Round round_of(Capture capture, std::string_view protocol, const std::string& filter);

// Filters that the language refuses because they can never be true are left out, once it is sure that they never are.
// Throws std::runtime_error for those that are, and for those that are refused for no good reason.
[[nodiscard]] Round random_round(std::uint64_t seed);

// In how many of the captures the candidate is there for at least a packet.
[[nodiscard]] std::size_t captures_seen(const Round& round, const Candidate& candidate);

using Rows = std::vector<std::string>;  // sorted

struct Expected {
  Rows certain;
  Rows possible;  // and as many of these

  [[nodiscard]] bool fits(const Rows& actual) const;
};
[[nodiscard]] Expected expected_of(const Round& round, const Candidate& candidate);

// The engine, used for one round after the other.
class Player {
 public:
  // What decides where filters are few: look-ups (never) or straight-line code (at_once).
  explicit Player(control::Straighten straighten);

  // What each of `chosen` (numbers of candidates) emits, when they and no others are there.
  [[nodiscard]] std::vector<Rows> play(const Round& round, const std::vector<std::size_t>& chosen);

  // Packets so far; of these, while straight-line code decided.
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  [[nodiscard]] std::uint64_t straight_packets() const { return straight_packets_; }

 private:
  using Changes = std::map<std::size_t, std::vector<std::pair<const Candidate*, std::string>>>;  // by packet; names

  void add(const Round& round, std::size_t packet, const Changes& newcomers);
  void flush();

  source::MemorySource holder_{[](std::span<source::PacketRef>) { return std::size_t{0}; }};
  support::Rig rig_;
  Timestamp now_{1'700'000'000'000'000'000};
  std::vector<source::PacketRef> burst_;
  std::uint64_t names_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t straight_packets_ = 0;
};

}  // namespace iris::oracle
