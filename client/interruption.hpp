// Notices that a command which runs until it is told to stop should stop: Ctrl-C, SIGTERM, or nobody reading the
// standard output any more.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace iris::client {

class Interruption {
 public:
  // Blocks SIGINT and SIGTERM on this thread, so that threads started from now on leave them to `watch`. Call it before
  // anything starts threads.
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  // Calls `stop`, on another thread, when it happens; at most once.
  void watch(std::function<void()> stop);

  [[nodiscard]] bool happened() const { return happened_; }

 private:
  void run(const std::function<void()>& stop);

  int signals_;  // signalfd
  int done_;     // eventfd: readable when this goes away
  std::atomic<bool> happened_{false};
  std::thread thread_;
};

}  // namespace iris::client
