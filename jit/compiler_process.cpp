#include "jit/compiler_process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;  // NOLINT: POSIX says so

namespace iris::jit {
namespace {

using namespace std::chrono_literals;

constexpr auto warm_up_time = 60s;  // includes precompiling the SDK, on a busy machine
constexpr int channel = 3;          // the descriptor as the process knows it

Result<std::filesystem::path> find_program(const CompilerOptions& options) {
  if (!options.program.empty()) return options.program;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail(ErrorCode::unavailable, "/proc/self/exe: " + error.message());
  return self.parent_path() / "iris-compiler";
}

// With every symbol bound at the start: bound on first use, each child would look the same thousands up again, which is
// a quarter of a small source's time.
std::vector<char*> environment() {
  static char bind_now[] = "LD_BIND_NOW=1";
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
  variables.push_back(bind_now);
  variables.push_back(nullptr);
  return variables;
}

// Nothing but the socket and the standard streams is inherited, no signal is blocked or ignored.
class SpawnSettings {
 public:
  explicit SpawnSettings(int socket) {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, socket, channel);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, channel + 1);
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

}  // namespace

Result<CompilerProcess> CompilerProcess::start(const CompilerOptions& options) {
  const auto program = find_program(options);
  if (!program) return std::unexpected(program.error());
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return fail(ErrorCode::unavailable, std::string("cannot make a socket: ") + std::strerror(errno));
  }
  Descriptor here(sockets[0]);
  Descriptor there(::fcntl(sockets[1], F_DUPFD_CLOEXEC, channel + 1));  // dup2 onto itself would keep CLOEXEC
  ::close(sockets[1]);

  std::string arguments[] = {program->string(), "--serve", std::to_string(channel),
                             std::to_string(options.limits.time.count()), std::to_string(options.limits.memory_bytes)};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                  arguments[3].data(), arguments[4].data(), nullptr};
  const SpawnSettings settings(there.get());
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, argv[0], &settings.actions, &settings.attributes, argv, environment().data());
  if (error != 0) return fail(ErrorCode::unavailable, "cannot start " + arguments[0] + ": " + std::strerror(error));
  there.reset();

  CompilerProcess process(pid, std::move(here));
  Reply ready;
  const auto received = receive_reply(process.socket_.get(), std::chrono::steady_clock::now() + warm_up_time, ready);
  if (received != Receive::done || ready.verdict != Verdict::ready) {
    return fail(ErrorCode::unavailable, arguments[0] + " did not start; standard error says why");
  }
  return process;
}

CompilerProcess::CompilerProcess(CompilerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), socket_(std::move(other.socket_)) {}

CompilerProcess::~CompilerProcess() {
  if (pid_ == 0) return;
  socket_.reset();  // it ends by itself
  for (int i = 0; i < 500; ++i) {
    if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
    std::this_thread::sleep_for(1ms);
  }
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Receive CompilerProcess::ask(const Source& source, Deadline deadline, Reply& reply) {
  if (!send_source(socket_.get(), source)) return Receive::closed;
  return receive_reply(socket_.get(), deadline, reply);
}

}  // namespace iris::jit
