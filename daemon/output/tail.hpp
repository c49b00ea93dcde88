// One client's view of one subscription's events: a bounded queue between the output's thread and the client's. Whoever
// reads too slowly loses events and is told how many, in the place where they are missing.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace iris::output {

enum class TailEnd : std::uint8_t {
  none,
  removed,  // the subscription is gone, and its last event was delivered
  stopped,  // the output stopped
};

class Tail {
 public:
  // `capacity`: bytes of lines that wait at most.
  explicit Tail(std::size_t capacity = std::size_t{1} << 20) : capacity_(capacity) {}

  // The output's side; never waits for the reader.
  void push(std::string_view line);
  void end(TailEnd reason);

  struct Next {
    std::uint64_t lost = 0;  // events lost before `line`, or so far when there is none
    std::optional<std::string> line;
    TailEnd end = TailEnd::none;  // set once nothing follows
  };
  // The reader's side: waits for something to report, at most for `timeout`.
  [[nodiscard]] Next next(std::chrono::milliseconds timeout);

 private:
  struct Item {
    std::uint64_t lost = 0;
    std::string line;
  };

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::size_t bytes_ = 0;   // in items_
  std::uint64_t lost_ = 0;  // since the last item
  TailEnd end_ = TailEnd::none;
};

}  // namespace iris::output
