#include "daemon/signals.hpp"

#include <condition_variable>
#include <ctime>
#include <mutex>

namespace iris {
namespace {

constexpr timespec poll_interval{0, 50'000'000};

}  // namespace

Signals::Signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  thread_ = std::jthread([this, set](const std::stop_token& over) {
    while (!over.stop_requested()) {
      if (sigtimedwait(&set, nullptr, &poll_interval) > 0) stop_.request_stop();
    }
  });
}

void Signals::wait() const {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, stop(), [] { return false; });
}

}  // namespace iris
