// A connection as a protocol's parser sees it: feeds it pieces that are gone afterwards, and collects what it reports
// as text. What the contract promises of reports is checked here; breaking it aborts, so that fuzzers see it, too.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "parsers/api.hpp"
#include "tests/unit/parsers/arena.hpp"

#define IRIS_SESSION_CHECK(condition)                                      \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                        \
    }                                                                      \
  } while (false)

namespace iris::parsers::test {

using Bytes = std::vector<std::uint8_t>;

inline constexpr Direction client = Direction::FromOriginator;
inline constexpr Direction server = Direction::FromResponder;

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

inline FiveTuple tuple_over(Transport transport, std::uint16_t server_port = 0) {
  FiveTuple tuple;
  tuple.originator = {IpAddress::v4({192, 0, 2, 1}), 50000};
  tuple.responder = {IpAddress::v4({192, 0, 2, 2}), server_port};
  tuple.transport = transport;
  return tuple;
}

template <class Session>
class SessionRun {
 public:
  using Describe = std::string (*)(const Session&);

  // `describe` reads all that the session refers to.
  SessionRun(const Protocol& protocol, const FiveTuple& tuple, Describe describe,
             std::size_t cap = std::size_t{256} << 10U)
      : describe_(describe), tuple_(tuple), arena_(cap), parser_(protocol.create(arena_, tuple_)) {}

  [[nodiscard]] bool created() const { return parser_ != nullptr; }
  [[nodiscard]] const BlockArena& arena() const { return arena_; }
  // Keeps sessions, as an active callback does: they are not released when they end.
  void keep_sessions() { keeps_ = true; }

  // Also asks for what sessions carry, and shows it: valid during the call.
  void want_data(std::function<void(const Session&, const SessionData&)> take_data) {
    take_data_ = std::move(take_data);
  }

  void feed(Direction direction, const Bytes& bytes, std::uint32_t gap = 0) {
    if (over_) return;
    const auto copy = std::make_unique<std::uint8_t[]>(bytes.size());
    std::ranges::copy(bytes, copy.get());
    take(parser_->parse({{copy.get(), bytes.size()}, now_, direction, gap, take_data_ != nullptr}));
  }
  void wait(Duration duration) { now_ = now_ + duration; }
  void finish() {
    if (!over_) take(parser_->finish());
    IRIS_SESSION_CHECK(over_);
    IRIS_SESSION_CHECK(open_.empty());
  }

  // Of sessions at their headers, at their ends; in order.
  [[nodiscard]] const std::vector<std::string>& begun() const { return begun_; }
  [[nodiscard]] const std::vector<std::string>& ended() const { return ended_; }
  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] Parser& parser() { return *parser_; }

 private:
  void take(Status status) {
    status_ = status;
    for (;; status = status_ = parser_->next()) {
      const bool data = status == Status::session_data;
      if (status != Status::session && status != Status::session_end && !data) break;
      const void* session = parser_->session();
      if (data) {
        IRIS_SESSION_CHECK(take_data_ != nullptr && open_.contains(session) && parser_->data() != nullptr);
        take_data_(*static_cast<const Session*>(session), *parser_->data());
        continue;
      }
      IRIS_SESSION_CHECK(arena_.holds(session, sizeof(Session)));
      const std::string text = describe_(*static_cast<const Session*>(session));
      if (status == Status::session) {
        IRIS_SESSION_CHECK(open_.insert(session).second);
        begun_.push_back(text);
      } else {
        IRIS_SESSION_CHECK(open_.erase(session) == 1);
        ended_.push_back(text);
        if (!keeps_) parser_->release(session);
      }
    }
    if (status == Status::gave_up) {
      over_ = true;
      take(parser_->finish());
      status_ = Status::gave_up;
    }
    over_ = over_ || status != Status::more;
  }

  Describe describe_;
  std::function<void(const Session&, const SessionData&)> take_data_;
  FiveTuple tuple_;
  BlockArena arena_;
  Parser* parser_;
  Timestamp now_{1'700'000'000'000'000'000};
  std::set<const void*> open_;
  std::vector<std::string> begun_;
  std::vector<std::string> ended_;
  Status status_ = Status::more;
  bool keeps_ = false;
  bool over_ = false;
};

// What either side sends, one after the other.
struct Sent {
  Direction direction;
  Bytes bytes;
};

// Feeds `dialogue` cut at every single place and at random ones, and calls `check(run)` after each.
template <class Session, class Check>
void cut_everywhere(const Protocol& protocol, const FiveTuple& tuple, typename SessionRun<Session>::Describe describe,
                    const std::vector<Sent>& dialogue, Check check) {
  std::size_t total = 0;
  for (const Sent& sent : dialogue) total += sent.bytes.size();
  std::uint64_t random = 1;
  const auto next = [&] { return random = random * 6364136223846793005U + 1442695040888963407U, random >> 33U; };
  for (std::size_t round = 0; round < total + 200; ++round) {
    SessionRun<Session> run(protocol, tuple, describe);
    std::size_t at = 0;
    for (const Sent& sent : dialogue) {
      for (std::size_t begin = 0; begin < sent.bytes.size();) {
        std::size_t size = sent.bytes.size() - begin;
        if (round < total && at < round && round < at + size) size = round - at;  // one cut
        if (round >= total) size = std::min<std::size_t>(size, next() % (1 + (round - total) / 4) + 1);
        const auto from = sent.bytes.begin() + static_cast<std::ptrdiff_t>(begin);
        run.feed(sent.direction, Bytes(from, from + static_cast<std::ptrdiff_t>(size)));
        begin += size;
        at += size;
      }
    }
    check(run);
  }
}

}  // namespace iris::parsers::test
