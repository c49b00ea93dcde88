#include "daemon/output/file_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <ctime>

namespace iris::output {
namespace {

// While it lives, a write to a pipe without a reader fails with EPIPE and raises no signal on this thread. (The
// process's disposition of SIGPIPE is not ours to change.)
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;
  ~WithoutSigpipe() {
    const timespec now{};
    if (!was_pending_) {
      while (sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

bool is_regular(int file) {
  struct stat status{};
  return ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

Result<std::unique_ptr<FileSink>> FileSink::open(const std::filesystem::path& path, Opening opening) {
  if (path == "-") return std::make_unique<FileSink>(STDOUT_FILENO, false, "the standard output");
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (opening == Opening::append ? O_APPEND : O_TRUNC);
  const int file = ::open(path.c_str(), flags, 0640);
  if (file < 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("cannot open {} for events: {}", path.string(), std::strerror(errno)));
  }
  return std::make_unique<FileSink>(file, true, path.string());
}

FileSink::FileSink(int file, bool owned, std::string name)
    : file_(file),
      owned_(owned),
      name_(std::move(name)),
      cancel_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      regular_(is_regular(file)) {}

FileSink::~FileSink() {
  if (owned_) ::close(file_);
  if (cancel_ >= 0) ::close(cancel_);
}

std::size_t FileSink::write(const Batch& batch) {
  const std::size_t lines = batch.ends.size();
  if (ended_) return 0;
  const WithoutSigpipe guard;
  Written written = put(torn_);
  torn_.erase(0, written.bytes);
  std::size_t taken = 0;
  if (written.error == 0) {
    written = put(batch.text);
    taken = whole_lines(batch, written.bytes);
  }
  ended_ = written.error == EPIPE || written.error == ECANCELED;
  note(written.error, lines - taken);
  return taken;
}

void FileSink::cancel() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto ignored = ::write(cancel_, &one, sizeof one);
}

std::optional<Error> FileSink::failure() const {
  const std::scoped_lock lock(mutex_);
  if (error_ == 0) return std::nullopt;
  return Error{ErrorCode::unavailable, fmt::format("cannot write events to {}: {}", name_, std::strerror(error_))};
}

FileSink::Written FileSink::put(std::string_view text) const {
  Written written;
  while (!text.empty()) {
    if (!regular_ && !wait_writable()) return {written.bytes, ECANCELED};
    // After poll, a pipe has room for PIPE_BUF bytes; more could wait, beyond the reach of `cancel`.
    const std::size_t size = regular_ ? text.size() : std::min<std::size_t>(text.size(), PIPE_BUF);
    const ssize_t result = ::write(file_, text.data(), size);
    if (result < 0 && (errno == EINTR || (errno == EAGAIN && !regular_))) continue;
    if (result < 0) return {written.bytes, errno};
    if (result == 0) return {written.bytes, ENOSPC};
    written.bytes += static_cast<std::size_t>(result);
    text.remove_prefix(static_cast<std::size_t>(result));
  }
  return written;
}

bool FileSink::wait_writable() const {
  std::array<pollfd, 2> waits{{{cancel_, POLLIN, 0}, {file_, POLLOUT, 0}}};
  while (::poll(waits.data(), waits.size(), -1) < 0) {
    if (errno != EINTR) return true;  // write reports what is wrong
  }
  return waits[0].revents == 0;
}

// Of a batch of which the file took `bytes`. A line that it took a part of counts as taken: its rest follows.
std::size_t FileSink::whole_lines(const Batch& batch, std::size_t bytes) {
  const auto end = std::upper_bound(batch.ends.begin(), batch.ends.end(), bytes);
  const auto whole = static_cast<std::size_t>(end - batch.ends.begin());
  if (end == batch.ends.end() || batch.start(whole) == bytes) return whole;
  torn_ = batch.text.substr(bytes, *end - bytes);
  return whole + 1;
}

void FileSink::note(int error, std::size_t lost) {
  lost_ += lost;
  const std::scoped_lock lock(mutex_);
  if (error == error_) return;
  if (error == 0) {
    spdlog::warn("events are written to {} again; {} were lost", name_, lost_);
    lost_ = 0;
  } else if (error_ == 0) {
    spdlog::error("cannot write events to {}: {}; they are lost{}", name_, std::strerror(error),
                  ended_ ? "" : " until it can be written again");
  }
  error_ = error;
}

}  // namespace iris::output
