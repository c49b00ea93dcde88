// The merged, indexed, generated engine against an interpreter that looks at every subscription alone: the same events,
// over random filters, captures, and times at which subscriptions come and go. In one round of three straight-line code
// decides while filters are few, else look-ups do all the time.
//
//   IRIS_ORACLE_SEED=17       the first round's seed; the next round's is one more
//   IRIS_ORACLE_CASES=100000  how many cases at least; a case is one filter with one capture
//   IRIS_ORACLE_SECONDS=1200  instead, for how long
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <optional>

#include "tests/oracle/round.hpp"

namespace iris::oracle {
namespace {

using Clock = std::chrono::steady_clock;

std::optional<std::uint64_t> setting(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::nullopt : std::optional<std::uint64_t>(std::stoull(text));
}

std::vector<std::size_t> all_of(const Round& round) {
  std::vector<std::size_t> all(round.candidates.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// The first of `chosen` whose rows differ, as its place in it.
std::optional<std::size_t> difference(const Round& round, const std::vector<std::size_t>& chosen,
                                      const std::vector<Rows>& actual) {
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (!expected_of(round, round.candidates[chosen[i]]).fits(actual[i])) return i;
  }
  return std::nullopt;
}

// As few candidates as still differ: leaves out halves, quarters and so on, as long as some difference remains.
std::vector<std::size_t> shrunk(Player& player, const Round& round, std::vector<std::size_t> chosen) {
  for (std::size_t size = (chosen.size() + 1) / 2; size > 0; size = size == 1 ? 0 : (size + 1) / 2) {
    for (std::size_t at = 0; at < chosen.size() && chosen.size() > 1;) {
      std::vector<std::size_t> fewer = chosen;
      const auto first = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(first, first + static_cast<std::ptrdiff_t>(std::min(size, chosen.size() - at)));
      const bool differs = !fewer.empty() && difference(round, fewer, player.play(round, fewer));
      if (differs)
        chosen = std::move(fewer);
      else
        at += size;
    }
  }
  return chosen;
}

std::string text_of(const std::string& row, const Round& round) {
  std::string text = "    " + row + "\n";
  for (const Story& story : round.stories) {
    const std::string of_story = oracle::row(story.tuple, {}, 0);
    const std::string_view tuple = std::string_view(of_story).substr(0, of_story.rfind(" 0 "));
    if (!row.starts_with(tuple)) continue;
    std::string known;
    for (const Moment& moment : story.moments) {
      const Facts& facts = moment.facts;
      known += fmt::format(" {}:{}{}{}", moment.when / 2,
                           !facts.identified     ? "?"
                           : facts.protocol == 0 ? "-"
                                                 : parsers::registry()[facts.protocol].name,
                           facts.sessions == Sessions::one ? "+session" : "", facts.over ? "+over" : "");
    }
    text += fmt::format("      packets {}\n      known  {}\n", story.packets, known);
  }
  return text;
}

std::string rows_only_in(const Rows& some, const Rows& others, const Round& round) {
  Rows only;
  std::ranges::set_difference(some, others, std::back_inserter(only));
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(only.size(), 3); ++i) text += text_of(only[i], round);
  return text.empty() ? "    none\n" : text;
}

std::string report(Player& player, const Round& round) {
  const std::vector<std::size_t> few = shrunk(player, round, all_of(round));
  const std::vector<Rows> actual = player.play(round, few);
  std::string text =
      fmt::format("seed {}: {} of {} filters still differ\n", round.seed, few.size(), round.candidates.size());
  for (const std::size_t number : few) {
    const auto& [callback, subscription] = round.candidates[number];
    text += fmt::format(
        "  {} [{}, {}) {}\n", callback->protocol.empty() ? "connections" : callback->protocol, subscription.added / 2,
        subscription.removed == ~When{0} ? std::string("end") : std::to_string(subscription.removed / 2),
        subscription.meaning.text());
  }
  const auto differs = difference(round, few, actual);
  if (!differs) return text + "  not any more, when played alone: what was played before matters\n";
  const Candidate& candidate = round.candidates[few[*differs]];
  const Rows expected = expected_of(round, candidate).certain;
  text += fmt::format("  of {}\n  expected, and missing:\n{}  not expected:\n{}", candidate.subscription.meaning.text(),
                      rows_only_in(expected, actual[*differs], round), rows_only_in(actual[*differs], expected, round));
  return text;
}

TEST(Oracle, EverySubscriptionGetsWhatItWouldAlone) {
  spdlog::set_level(spdlog::level::warn);
  const std::uint64_t first = setting("IRIS_ORACLE_SEED").value_or(1);
  const auto seconds = setting("IRIS_ORACLE_SECONDS");
  const std::uint64_t wanted = seconds ? ~std::uint64_t{0} : setting("IRIS_ORACLE_CASES").value_or(7000);
  const auto end = Clock::now() + std::chrono::seconds(seconds.value_or(0));
  std::array players{Player(control::Straighten::never), Player(control::Straighten::at_once)};
  std::uint64_t cases = 0;
  std::uint64_t filters = 0;
  std::uint64_t matching = 0;
  std::uint64_t refused = 0;
  std::uint64_t events = 0;
  std::uint64_t seed = first;
  for (unsigned failures = 0; cases < wanted && failures < 5 && (!seconds || Clock::now() < end); ++seed) {
    try {
      Player& player = players[seed % 3 == 0 ? 1 : 0];
      const Round round = random_round(seed);
      const std::vector<Rows> actual = player.play(round, all_of(round));
      for (const Candidate& candidate : round.candidates) cases += captures_seen(round, candidate);
      filters += actual.size();
      refused += round.refused;
      for (const Rows& rows : actual) {
        matching += rows.empty() ? 0 : 1;
        events += rows.size();
      }
      if (!difference(round, all_of(round), actual)) continue;
      ++failures;
      ADD_FAILURE() << report(player, round);
    } catch (const std::runtime_error& error) {
      ++failures;
      ADD_FAILURE() << error.what();
    }
  }
  const std::uint64_t packets = players[0].packets() + players[1].packets();
  const std::uint64_t straight = 100 * players[1].straight_packets() / std::max<std::uint64_t>(packets, 1);
  fmt::print(
      "seeds {} to {}: {} cases; {} filters, {} of which match something, with {} events; {} never can; {} % of "
      "packets "
      "by straight-line code\n",
      first, seed - 1, cases, filters, matching, events, refused, straight);
  EXPECT_GT(matching, filters / 4) << "too many filters match nothing";
}

}  // namespace
}  // namespace iris::oracle
