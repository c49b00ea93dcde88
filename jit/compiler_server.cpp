#include "jit/compiler_server.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "llvm/Support/ErrorHandling.h"

namespace iris::jit {

using frontend::Stage;
using namespace std::chrono_literals;

struct Server::Shared {
  frontend::Progress progress;
  std::atomic<bool> out_of_memory{false};
  std::atomic<bool> gave_up{false};
  char reason[256] = {};  // why it gave up; ended by the child
};

namespace {

Server* this_child = nullptr;  // for LLVM's handlers, which are plain functions

[[noreturn]] void end_child() { ::_exit(EXIT_FAILURE); }

std::string seconds(std::chrono::milliseconds time) {
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
}

// "in the front end after the declaration that ends at line 11"
std::string reached(const frontend::Progress& progress) {
  const auto stage = std::min(progress.stage.load(), Stage::sending);  // the child may have written anything
  const auto line = progress.line.load();
  auto text = fmt::format("in the {}", frontend::stage_name(stage));
  if (stage > Stage::front_end) return text;
  return text + (line == 0 ? std::string(" before the first declaration ended")
                           : fmt::format(" after the declaration that ends at line {}", line));
}

// Reaps a child, which gets `grace` to end by itself; returns its wait status.
int end_of(pid_t child, std::chrono::milliseconds grace) {
  const auto deadline = std::chrono::steady_clock::now() + grace;
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      ::kill(child, SIGKILL);
      while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
      break;
    }
    std::this_thread::sleep_for(1ms);
  }
  return status;
}

}  // namespace

Server::Server(Descriptor channel, Limits limits, Cage cage)
    : channel_(std::move(channel)), limits_(limits), cage_(std::move(cage)) {
  void* page = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) llvm::report_fatal_error("no memory for the compiler process");
  shared_ = new (page) Shared;
}

frontend::Progress& Server::progress() { return shared_->progress; }

void Server::stop() {
  bury_spare();
  reap();
  ::_exit(EXIT_SUCCESS);
}

frontend::Source Server::await_source() {
  for (;;) {
    if (spare_.pid == 0 && fork_spare()) {
      Source source;
      if (receive_source(channel_.get(), source) != Receive::done) ::_exit(EXIT_SUCCESS);
      return {std::move(source.name), std::move(source.text), std::move(source.files)};
    }
    if (!announced_) {
      Reply ready;
      ready.verdict = Verdict::ready;
      if (!send_reply(channel_.get(), ready)) stop();
      announced_ = true;
    }
    if (leaving_ != 0 && !has_source_within(100ms)) reap();
    Source source;
    if (receive_source(channel_.get(), source) != Receive::done) stop();
    if (!send_reply(channel_.get(), supervise(source))) stop();
    bury_spare();
  }
}

// ---- the child's life -----------------------------------------------------------------------------------------

bool Server::fork_spare() {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) stop();
  Descriptor here(sockets[0]);
  Descriptor there(sockets[1]);
  new (shared_) Shared;
  const pid_t pid = ::fork();
  if (pid < 0) stop();
  if (pid == 0) {
    here.reset();
    become_child(std::move(there));
    return true;
  }
  spare_ = {pid, std::move(here)};
  return false;
}

void Server::become_child(Descriptor socket) {
  channel_ = std::move(socket);  // closes the daemon's
  this_child = this;
  Descriptor nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nowhere.is_open()) end_child();
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO}) ::dup2(nowhere.get(), fd);

  // A crash is to be seen as what it is, whatever a library has installed to report it.
  for (const int crash : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP}) ::signal(crash, SIG_DFL);
  // What LLVM cannot go on after. It would print and abort; the daemon shall know why.
  llvm::install_fatal_error_handler([](void*, const char* reason, bool) {
    auto& shared = *this_child->shared_;
    std::snprintf(shared.reason, sizeof shared.reason, "%s", reason);
    shared.gave_up = true;
    end_child();
  });
  const auto no_memory = [] {
    this_child->shared_->out_of_memory = true;
    end_child();
  };
  llvm::install_bad_alloc_error_handler([](void*, const char*, bool) {
    this_child->shared_->out_of_memory = true;
    end_child();
  });
  std::set_new_handler(no_memory);

  prefault(channel_.get());
  if (const auto missing = enter_cage(cage_); !missing.empty() && !announced_) {
    static_cast<void>(std::fprintf(stderr, "iris-compiler: this kernel has no %s; sources are compiled without it\n",
                                   missing.c_str()));
  }
  ::dup2(nowhere.get(), STDERR_FILENO);
}

// It has answered. Its memory takes a while to go, and nobody is to wait for that: it is reaped when nothing else is to
// be done, or with the next one.
void Server::bury_spare() {
  reap();
  if (spare_.pid == 0) return;
  ::kill(spare_.pid, SIGKILL);
  leaving_ = std::exchange(spare_, {}).pid;
}

void Server::reap() {
  if (leaving_ != 0) static_cast<void>(end_of(std::exchange(leaving_, 0), 0ms));
}

bool Server::has_source_within(std::chrono::milliseconds time) const {
  pollfd waiting{.fd = channel_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, static_cast<int>(time.count())) != 0;
}

// ---- one request ----------------------------------------------------------------------------------------------

Reply Server::supervise(const Source& source) {
  const auto deadline = std::chrono::steady_clock::now() + limits_.time;
  Reply reply;
  if (!send_source(spare_.socket.get(), source)) return post_mortem(source, false);
  switch (receive_reply(spare_.socket.get(), deadline, reply, channel_.get())) {
    case Receive::done:
      return reply;
    case Receive::too_late:
      return post_mortem(source, true);
    case Receive::closed:
      return post_mortem(source, false);
  }
  return {};
}

// Ends the child if it has not ended, and explains.
Reply Server::post_mortem(const Source& source, bool too_late) {
  const int status = end_of(spare_.pid, too_late ? 0ms : 500ms);
  spare_ = {};

  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const bool slow = too_late || signal == SIGXCPU;
  const bool large = !slow && (shared_->out_of_memory || signal == SIGKILL);
  std::string what;
  if (slow) {
    what = fmt::format("compiling took longer than {}; stopped ", seconds(limits_.time));
  } else if (large) {
    what = fmt::format("compiling needs more than {} MiB of memory; stopped ", limits_.memory_bytes >> 20);
  } else if (shared_->gave_up) {
    shared_->reason[sizeof shared_->reason - 1] = '\0';
    what = fmt::format("the compiler gave up ({}) ", shared_->reason);
  } else if (signal != 0) {
    what = fmt::format("the compiler crashed ({}) ", ::strsignal(signal));
  } else {
    what = "the compiler ended without a result ";
  }
  const auto line = shared_->progress.stage.load() > Stage::front_end ? 0 : shared_->progress.line.load();
  Reply reply;
  reply.verdict = slow || large ? Verdict::exhausted : Verdict::died;
  reply.diagnostics = fmt::format("{}:{}:1: error: {}{}\n", source.name, line + 1, what, reached(shared_->progress));
  return reply;
}

}  // namespace iris::jit
