#include "daemon/output/tail.hpp"

#include <utility>

namespace iris::output {

void Tail::push(std::string_view line) {
  {
    const std::scoped_lock lock(mutex_);
    if (end_ != TailEnd::none) return;
    if (bytes_ + line.size() > capacity_) {
      ++lost_;
    } else {
      items_.push_back({std::exchange(lost_, 0), std::string(line)});
      bytes_ += line.size();
    }
  }
  changed_.notify_one();
}

void Tail::end(TailEnd reason) {
  {
    const std::scoped_lock lock(mutex_);
    if (end_ == TailEnd::none) end_ = reason;
  }
  changed_.notify_one();
}

Tail::Next Tail::next(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return !items_.empty() || lost_ != 0 || end_ != TailEnd::none; });
  if (items_.empty()) return {std::exchange(lost_, 0), std::nullopt, end_};
  Item item = std::move(items_.front());
  items_.pop_front();
  bytes_ -= item.line.size();
  return {item.lost, std::move(item.line), TailEnd::none};
}

}  // namespace iris::output
