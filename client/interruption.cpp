#include "client/interruption.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

namespace iris::client {
namespace {

int block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return ::signalfd(-1, &set, SFD_CLOEXEC);
}

}  // namespace

Interruption::Interruption() : signals_(block_signals()), done_(::eventfd(0, EFD_CLOEXEC)) {}

Interruption::~Interruption() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto ignored = ::write(done_, &one, sizeof one);
    thread_.join();
  }
  ::close(done_);
  ::close(signals_);
}

void Interruption::watch(std::function<void()> stop) {
  thread_ = std::thread([this, stop = std::move(stop)] { run(stop); });
}

void Interruption::run(const std::function<void()>& stop) {
  // Without asked events, poll reports only errors: of a pipe, that it has no reader any more.
  std::array<pollfd, 3> waits{{{done_, POLLIN, 0}, {signals_, POLLIN, 0}, {STDOUT_FILENO, 0, 0}}};
  while (::poll(waits.data(), waits.size(), -1) < 0) {
    if (errno != EINTR) return;
  }
  if (waits[0].revents != 0) return;
  happened_ = true;
  stop();
}

}  // namespace iris::client
