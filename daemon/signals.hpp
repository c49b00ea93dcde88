// SIGINT and SIGTERM as a request to stop. Created first thing in main, before any thread, so that every thread has
// them blocked and one thread of this class's takes them.
#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace iris {

class Signals {
 public:
  Signals();
  ~Signals() = default;
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  [[nodiscard]] std::stop_token stop() const { return stop_.get_token(); }
  // Returns when a signal came.
  void wait() const;

 private:
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace iris
