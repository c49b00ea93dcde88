// The wheel against a list that is sorted anew each time.
#include "daemon/conn/wheel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace iris::conn {
namespace {

constexpr std::uint64_t unlimited = ~std::uint64_t{0};

TimerWheel make_wheel(std::uint32_t capacity, std::uint32_t slots, std::uint64_t start = 0) {
  auto wheel = TimerWheel::create({.capacity = capacity, .slots = slots, .start = start});
  EXPECT_TRUE(wheel.has_value());
  return std::move(*wheel);
}

// The indices' timers, and what they say when asked.
template <class Due>
struct Asked {
  std::vector<Timer>& timers;
  Due answer;

  Timer& timer(std::uint32_t index) { return timers[index]; }
  void prefetch(std::uint32_t index) { EXPECT_LT(index, timers.size()); }
  void approach(std::uint32_t index) { EXPECT_LT(index, timers.size()); }
  std::optional<Tick> due(std::uint32_t index, Tick tick) { return answer(index, tick); }
};

// A wheel with the timers of its indices.
struct Fixture {
  TimerWheel wheel;
  std::vector<Timer> timers;

  explicit Fixture(std::uint32_t capacity, std::uint32_t slots, std::uint64_t start = 0)
      : wheel(make_wheel(capacity, slots, start)), timers(capacity) {}

  void schedule(std::uint32_t index, Tick deadline) { wheel.schedule(index, timers[index], deadline); }
  template <class Due>
  bool advance(std::uint64_t now, std::uint64_t budget, Due due) {
    return wheel.advance(now, budget, Asked<Due>{timers, due});
  }
};

// Entries in the order in which they came due, with the tick.
using Due = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

Due turn(Fixture& fixture, std::uint64_t now) {
  Due due;
  EXPECT_TRUE(fixture.advance(now, unlimited, [&](std::uint32_t index, Tick tick) -> std::optional<Tick> {
    EXPECT_EQ(static_cast<Tick>(fixture.wheel.position()), tick);
    due.emplace_back(index, fixture.wheel.position());
    return std::nullopt;
  }));
  return due;
}

TEST(TimerWheel, RefusesImpossibleSizes) {
  EXPECT_EQ(TimerWheel::create({.capacity = 0}).error().code, ErrorCode::invalid);
  EXPECT_EQ(TimerWheel::create({.capacity = (1U << 30) + 1}).error().code, ErrorCode::invalid);
  EXPECT_EQ(TimerWheel::create({.capacity = 1, .slots = 100}).error().code, ErrorCode::invalid);
  EXPECT_EQ(TimerWheel::create({.capacity = 1, .slots = 1U << 16}).error().code, ErrorCode::invalid);
}

TEST(TimerWheel, ComesDueAtTheTickInOrder) {
  Fixture wheel(10, 1024);
  wheel.schedule(3, 20);
  wheel.schedule(1, 10);
  wheel.schedule(2, 20);
  wheel.schedule(0, 999);
  EXPECT_EQ(turn(wheel, 9), Due{});
  EXPECT_EQ(turn(wheel, 10), (Due{{1, 10}}));
  EXPECT_EQ(turn(wheel, 5), Due{});  // the clock went back
  EXPECT_EQ(turn(wheel, 5000), (Due{{3, 20}, {2, 20}, {0, 999}}));
  EXPECT_EQ(wheel.wheel.size(), 0U);
  EXPECT_EQ(wheel.wheel.position(), 5000U);
}

TEST(TimerWheel, PastDeadlinesComeDueAtTheNextTick) {
  Fixture wheel(10, 128, 5000);
  wheel.schedule(0, 5000);
  wheel.schedule(1, 4000);
  EXPECT_EQ(turn(wheel, 5000), Due{});
  EXPECT_EQ(turn(wheel, 5001), (Due{{0, 5001}, {1, 5001}}));
}

TEST(TimerWheel, TheEarliestDeadlineCounts) {
  Fixture wheel(10, 128);
  wheel.schedule(4, 20);
  wheel.schedule(4, 10);  // earlier: in its place
  wheel.schedule(5, 15);
  wheel.schedule(5, 30);  // later: will be said when asked
  EXPECT_EQ(wheel.wheel.size(), 3U);
  EXPECT_EQ(turn(wheel, 50), (Due{{4, 10}, {5, 15}}));
  EXPECT_EQ(wheel.wheel.size(), 0U);
}

TEST(TimerWheel, MovingForwardsAgainAndAgainTakesNoMoreRoom) {
  Fixture wheel(1, 64);
  Due due;
  for (std::uint64_t now = 0; now < 10'000; ++now) {
    wheel.schedule(0, static_cast<Tick>(now + 60));
    wheel.schedule(0, static_cast<Tick>(now + 20));
    wheel.schedule(0, static_cast<Tick>(now + 1));
    EXPECT_TRUE(wheel.advance(now + 1, unlimited, [&](std::uint32_t, Tick) -> std::optional<Tick> {
      due.emplace_back(0, now + 1);
      return std::nullopt;
    }));
    EXPECT_LE(wheel.wheel.size(), 2U);
  }
  // Where there is no room to be early, an entry is late by less than a turn.
  EXPECT_GE(due.size(), 10'000U / 64);
}

TEST(TimerWheel, DueMayScheduleOthers) {
  Fixture wheel(10, 128);
  for (std::uint32_t i = 0; i < 3; ++i) wheel.schedule(i, 10);
  Due due;
  ASSERT_TRUE(wheel.advance(100, unlimited, [&](std::uint32_t index, Tick tick) -> std::optional<Tick> {
    due.emplace_back(index, tick);
    if (index == 0) {
      wheel.schedule(2, 5);  // it comes due at this tick anyway
      wheel.schedule(9, 5);  // past: not in the slot that is being emptied
      wheel.schedule(8, 30);
    }
    return std::nullopt;
  }));
  EXPECT_EQ(due, (Due{{0, 10}, {1, 10}, {2, 10}, {9, 11}, {8, 30}}));
}

TEST(TimerWheel, FarDeadlinesAndDaysOfSilence) {
  constexpr std::uint64_t year = std::uint64_t{30'000} * 1000 * 1000;  // far more than 2^32 ticks
  Fixture wheel(4, 1024, 7);
  std::vector<Tick> deadlines{100, 5'000'000, 2'000'000'000, 1'000};
  for (std::uint32_t i = 0; i < 4; ++i) wheel.schedule(i, deadlines[i]);
  Due due;
  ASSERT_TRUE(wheel.advance(year, unlimited, [&](std::uint32_t index, Tick tick) -> std::optional<Tick> {
    if (before(tick, deadlines[index])) return deadlines[index];
    due.emplace_back(index, wheel.wheel.position());
    return std::nullopt;
  }));
  EXPECT_EQ(due, (Due{{0, 100}, {3, 1000}, {1, 5'000'000}, {2, 2'000'000'000}}));
  EXPECT_EQ(wheel.wheel.position(), year);
  // And goes on from there.
  wheel.schedule(0, static_cast<Tick>(year + 5));
  EXPECT_EQ(turn(wheel, year + 10), (Due{{0, year + 5}}));
}

// Connections that are seen now and then, ended or left alone, or get a shorter timeout; the wheel is asked in slices
// of `slice` steps.
Due live(std::uint64_t seed, std::uint64_t slice) {
  constexpr std::uint32_t count = 200;
  constexpr Tick timeouts[] = {5, 60, 300, 2000};
  std::mt19937_64 random(seed);
  const std::uint64_t start = seed % 3 == 0 ? 0xfffff000U : random() % 1000;
  Fixture wheel(count, 512, start);
  struct State {
    bool live = false;
    std::uint64_t last_seen = 0;
    Tick timeout = 0;
  };
  std::vector<State> states(count);
  std::uint64_t now = start;
  Due ended;
  Due expected;
  for (int step = 0; step < 3000; ++step) {
    now += random() % 20 == 0 ? random() % 3000 : random() % 3;
    // By definition: those whose time is over, by the tick at which it is.
    std::vector<std::pair<std::uint64_t, std::uint32_t>> over;
    for (std::uint32_t i = 0; i < count; ++i) {
      const State& state = states[i];
      if (state.live && state.last_seen + state.timeout <= now) over.emplace_back(state.last_seen + state.timeout, i);
    }
    std::ranges::sort(over);
    for (const auto& [tick, index] : over) expected.emplace_back(index, tick);
    const std::size_t from = ended.size();
    while (!wheel.advance(now, slice, [&](std::uint32_t index, Tick tick) -> std::optional<Tick> {
      State& state = states[index];
      if (!state.live) return std::nullopt;
      const auto deadline = static_cast<Tick>(state.last_seen + state.timeout);
      if (before(tick, deadline)) return deadline;
      ended.emplace_back(index, state.last_seen + state.timeout);
      state.live = false;
      return std::nullopt;
    })) {
    }
    // Within a tick the order is that of scheduling, which the reference does not know.
    EXPECT_TRUE(std::ranges::is_sorted(ended.begin() + static_cast<std::ptrdiff_t>(from), ended.end(), {},
                                       [](const auto& entry) { return entry.second; }));
    const auto index = static_cast<std::uint32_t>(random() % count);
    State& state = states[index];
    const std::uint64_t action = random() % 10;
    if (state.live && action < 2) {
      state.live = false;  // its entry stays, and the index may be used again before that comes due
    } else if (state.live) {
      state.last_seen = now;
      if (action == 2) state.timeout = 5;
    } else {
      state = {true, now, timeouts[random() % 4]};
    }
    if (state.live) wheel.schedule(index, static_cast<Tick>(state.last_seen + state.timeout));
  }
  Due sorted = ended;
  std::ranges::sort(sorted);
  std::ranges::sort(expected);
  EXPECT_EQ(sorted, expected);
  return ended;
}

TEST(TimerWheel, AgreesWithSortingWhateverTheSlices) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Due ended = live(seed, unlimited);
    EXPECT_EQ(ended, live(seed, 1));
    EXPECT_EQ(ended, live(seed, 7));
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace iris::conn
