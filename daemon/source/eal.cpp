#include "daemon/source/eal.hpp"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <string_view>
#include <vector>

#include "daemon/source/eal_log.hpp"

namespace iris::source {
namespace {

constexpr std::string_view program = "irisd";

// What is written to standard output and error while it lives: a wrong argument makes DPDK print its whole usage to the
// one, and getopt the reason to the other.
class OutputCapture {
 public:
  OutputCapture() : file_(memfd_create("iris-eal-output", MFD_CLOEXEC)) {
    std::fflush(stdout);
    for (std::size_t fd : {1u, 2u}) {
      saved_[fd] = dup(static_cast<int>(fd));
      if (file_ >= 0 && saved_[fd] >= 0) dup2(file_, static_cast<int>(fd));
    }
  }
  ~OutputCapture() {
    std::fflush(stdout);
    for (std::size_t fd : {1u, 2u}) {
      if (saved_[fd] < 0) continue;
      dup2(saved_[fd], static_cast<int>(fd));
      close(saved_[fd]);
    }
    if (file_ >= 0) close(file_);
  }
  OutputCapture(const OutputCapture&) = delete;
  OutputCapture& operator=(const OutputCapture&) = delete;

  // The first line of getopt's, without the program's name.
  [[nodiscard]] std::string complaint() const {
    std::array<char, 4096> text{};
    const ssize_t size = file_ < 0 ? 0 : pread(file_, text.data(), text.size(), 0);
    std::string_view rest(text.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      if (line.starts_with(program) && line.substr(program.size()).starts_with(": ")) {
        return std::string(line.substr(program.size() + 2));
      }
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    return {};
  }

 private:
  int file_;
  std::array<int, 3> saved_{-1, -1, -1};
};

// DPDK pins the thread that starts it; threads made from it later would inherit that.
class KeepAffinity {
 public:
  KeepAffinity() : known_(sched_getaffinity(0, sizeof cpus_, &cpus_) == 0) {}
  ~KeepAffinity() {
    if (known_) sched_setaffinity(0, sizeof cpus_, &cpus_);
  }
  KeepAffinity(const KeepAffinity&) = delete;
  KeepAffinity& operator=(const KeepAffinity&) = delete;

  // The first CPU that this thread may run on.
  [[nodiscard]] int first() const {
    for (int cpu = 0; known_ && cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(static_cast<std::size_t>(cpu), &cpus_)) return cpu;
    }
    return 0;
  }

 private:
  cpu_set_t cpus_{};
  bool known_;
};

bool has(std::span<const std::string> arguments, std::string_view option) {
  return std::ranges::any_of(arguments, [option](std::string_view argument) {
    return argument == option || (argument.starts_with(option) && argument.substr(option.size()).starts_with('='));
  });
}

bool names_lcores(std::span<const std::string> arguments) {
  return std::ranges::any_of(arguments, [](std::string_view argument) {
    return argument.starts_with("-l") || argument.starts_with("-c") || argument.starts_with("--lcores");
  });
}

Result<void> check(std::span<const std::string> arguments) {
  if (has(arguments, "--no-huge") && has(arguments, "--in-memory")) {
    return fail(ErrorCode::invalid,
                "eal.arguments: --no-huge and --in-memory exclude each other: keep --in-memory where huge pages are "
                "reserved, else --no-huge");
  }
  for (const std::string_view option : {"-h", "--help", "-v", "--version"}) {
    if (!has(arguments, option)) continue;
    return fail(ErrorCode::invalid, fmt::format("eal.arguments: {} has no place in a daemon: remove it", option));
  }
  return {};
}

Error start_failed(const std::string& reason, std::span<const std::string> arguments) {
  std::string message = fmt::format("eal.arguments ({}): DPDK does not start: {}", fmt::join(arguments, " "), reason);
  if (!has(arguments, "--no-huge") && reason.find("ugepage") != std::string::npos) {
    message += "; reserve huge pages (dpdk-hugepages.py --setup 2G), or use --no-huge";
  }
  return {ErrorCode::unavailable, std::move(message)};
}

}  // namespace

Result<std::unique_ptr<Eal>> Eal::start(std::span<const std::string> arguments) {
  if (Result<void> checked = check(arguments); !checked) return std::unexpected(checked.error());
  static std::atomic<bool> started = false;
  if (started.exchange(true)) return fail(ErrorCode::exists, "DPDK was started before in this process");

  // DPDK keeps pointers into its arguments.
  static std::vector<std::string> kept;
  kept.assign(1, std::string(program));
  kept.insert(kept.end(), arguments.begin(), arguments.end());
  const KeepAffinity affinity;
  if (!names_lcores(arguments)) kept.push_back(fmt::format("--lcores=0@{}", affinity.first()));
  static std::vector<char*> argv;
  argv.reserve(kept.size() + 1);
  for (std::string& argument : kept) argv.push_back(argument.data());
  argv.push_back(nullptr);

  redirect_eal_log();
  const EalLogCapture log;
  int result = 0;
  std::string complaint;
  {
    const OutputCapture output;
    result = rte_eal_init(static_cast<int>(kept.size()), argv.data());
    complaint = output.complaint();
  }
  if (result < 0) {
    const std::string reason = log.reason(rte_strerror(rte_errno));
    return std::unexpected(start_failed(complaint.empty() ? reason : complaint, arguments));
  }
  return std::unique_ptr<Eal>(new Eal);
}

Eal::~Eal() { rte_eal_cleanup(); }

EalThread::EalThread() noexcept : registered_(rte_lcore_id() == LCORE_ID_ANY && rte_thread_register() == 0) {}

EalThread::~EalThread() {
  if (registered_) rte_thread_unregister();
}

}  // namespace iris::source
