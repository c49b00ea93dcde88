// Where a worker's time goes, from samples: of some occasions, each a packet, or a connection that a timer or a sweep
// looks at, every kind of work is timed, without what it calls. Of others it costs a branch. The first few occasions,
// and those after a change, are all samples, so that slow traffic tells something soon; then ever fewer are, to one in
// about a hundred. A sample stands for those since the one before, too: its cycles count as many times.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "daemon/conn/counter.hpp"

namespace iris::conn {

enum class Work : std::uint8_t {
  connections,  // finding them, their state, their end: what remains
  lookups,      // finding true predicates
  plan,         // progress through the plan
  reassembly,
  parsers,
  callbacks,  // user code
};
inline constexpr std::size_t works = 6;

class Meter {
 public:
  // Of Work::parsers: the protocol's, by its number in the registry; 0: finding out which it is. Reading: any thread.
  [[nodiscard]] Counter& parser(std::uint32_t protocol) noexcept { return parsers_[protocol]; }
  [[nodiscard]] std::uint64_t parser_cycles(std::uint32_t protocol) const noexcept { return parsers_[protocol].load(); }

  // Whether the occasion at hand is a sample. Thread: the worker's.
  [[nodiscard]] bool is_on() const noexcept { return on_; }
  // Of a sample: what is done from now on is for that account besides (nullptr: none), until other work begins or this
  // ends. Returns whose account it was. Thread: the worker's.
  Counter* charge_to(Counter* account) noexcept {
    (void)charge();
    return std::exchange(account_, account);
  }

  // Something has changed: samples are frequent again. Thread: the worker's, between occasions.
  void renew() noexcept {
    // The next is the first that runs what is new, and does not stand for what was before.
    left_ = interval_ = 1;
    recent_ = 0;
  }

  // Of a sample: for how many occasions it stands.
  [[nodiscard]] std::uint32_t weight() const noexcept { return weight_; }

  // Sampled so far, each as often as its weight says. Thread: any.
  [[nodiscard]] std::uint64_t cycles(Work work) const noexcept {
    return cycles_[static_cast<std::size_t>(work)].load();
  }
  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_.load(); }

 private:
  friend class Doing;
  friend class Occurring;

  void begin() noexcept {
    if (--left_ != 0) return;
    weight_ = interval_;
    interval_ = left_ = next_interval();
    on_ = true;
    current_ = Work::connections;
    account_ = nullptr;
    since_ = __builtin_readcyclecounter();
  }
  void end() noexcept {
    if (!on_) return;
    charge();
    samples_.add(1);
    on_ = false;
  }

  // Not the same every time, or bursts of a certain size would be sampled at the same place.
  std::uint32_t next_interval() noexcept {
    constexpr std::uint64_t longest = 128;
    constexpr std::uint64_t samples_of_each = 8;
    const std::uint64_t mean = std::min(longest, 1 + recent_++ / samples_of_each);
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::uint64_t jitter = mean * (random_ >> 58U) / 128;  // up to half of it
    return static_cast<std::uint32_t>(std::max(std::uint64_t{1}, mean * 3 / 4 + jitter));
  }

  // Returns what was charged.
  std::uint64_t charge() noexcept {
    const std::uint64_t now = __builtin_readcyclecounter();
    const std::uint64_t spent = weight_ * (now - std::exchange(since_, now));
    cycles_[static_cast<std::size_t>(current_)].add(spent);
    if (account_ != nullptr) account_->add(spent);
    return spent;
  }

  std::uint32_t left_ = 1;
  std::uint32_t interval_ = 1;  // from the latest sample to the next
  std::uint32_t weight_ = 1;
  std::uint64_t recent_ = 0;  // samples since renew()
  bool on_ = false;
  Work current_ = Work::connections;
  Counter* account_ = nullptr;
  std::uint64_t since_ = 0;
  std::uint64_t random_ = 1;
  std::array<Counter, works> cycles_;
  std::array<Counter, 64> parsers_;  // as many protocols as protocols_over() has bits for
  Counter samples_;
};

// An occasion lasts while it lives; they do not overlap. Thread: the worker's.
class Occurring {
 public:
  explicit Occurring(Meter& meter) noexcept : meter_(meter) { meter.begin(); }
  Occurring(const Occurring&) = delete;
  Occurring& operator=(const Occurring&) = delete;
  ~Occurring() { meter_.end(); }

 private:
  Meter& meter_;
};

// This work is done while it lives, for the account if there is one.
class Doing {
 public:
  Doing(Meter& meter, Work work, Counter* account = nullptr) noexcept : meter_(meter) {
    if (!meter.on_) return;
    account_before_ = meter.charge_to(account);
    before_ = std::exchange(meter.current_, work);
  }
  Doing(const Doing&) = delete;
  Doing& operator=(const Doing&) = delete;
  ~Doing() { (void)done(); }

  // Before it ends: returns the cycles since it began, or since the work that it was last interrupted by, as often as
  // the sample's weight says; 0 when the occasion is none that is sampled.
  std::uint64_t done() noexcept {
    if (!meter_.on_ || over_) return 0;
    over_ = true;
    const std::uint64_t spent = meter_.charge();
    meter_.current_ = before_;
    meter_.account_ = account_before_;
    return spent;
  }

 private:
  Meter& meter_;
  Work before_ = Work::connections;
  Counter* account_before_ = nullptr;
  bool over_ = false;
};

}  // namespace iris::conn
