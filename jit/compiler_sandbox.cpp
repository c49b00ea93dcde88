#include "jit/compiler_sandbox.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace iris::jit {
namespace {

// A sanitizer's shadow memory is mapped, huge and sparse: neither to be touched nor to be counted.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IRIS_SPARSE_SHADOW 1
#endif
#endif

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#endif

void limit(__rlimit_resource resource, rlim_t soft, rlim_t hard) {
  const rlimit limits{soft, hard};
  ::setrlimit(resource, &limits);
}

#if !defined(IRIS_SPARSE_SHADOW)
std::size_t mapped_bytes() {
  std::size_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}
#endif

bool restrict_files(const std::vector<std::string>& folders) {
  landlock_ruleset_attr attributes{};
  // The rights of Landlock's first version: those not granted below are refused.
  attributes.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  const auto ruleset = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
  if (ruleset < 0) return false;
  for (const auto& folder : folders) {
    landlock_path_beneath_attr rule{};
    rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    rule.parent_fd = ::open(folder.c_str(), O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) continue;
    ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    ::close(rule.parent_fd);
  }
  const bool restricted = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  ::close(ruleset);
  return restricted;
}

// What reading headers, allocating, and talking over an open socket need. Clang runs deep recursions on threads of
// their own.
constexpr int allowed_calls[] = {
#if defined(__x86_64__)
    SYS_stat,         SYS_lstat,
    SYS_access,       SYS_readlink,
    SYS_poll,         SYS_getrlimit,
    SYS_dup2,
#endif
    SYS_read,         SYS_readv,
    SYS_pread64,      SYS_write,
    SYS_writev,       SYS_recvfrom,
    SYS_sendto,       SYS_ppoll,
    SYS_lseek,        SYS_close,
    SYS_fstat,        SYS_newfstatat,
    SYS_statx,        SYS_readlinkat,
    SYS_faccessat,    SYS_getdents64,
    SYS_getcwd,       SYS_fcntl,
    SYS_dup3,         SYS_brk,
    SYS_mmap,         SYS_munmap,
    SYS_mremap,       SYS_mprotect,
    SYS_madvise,      SYS_clone,
    SYS_clone3,       SYS_set_robust_list,
    SYS_rseq,         SYS_prctl,
    SYS_seccomp,      SYS_futex,
    SYS_sched_yield,  SYS_sched_getaffinity,
    SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_sigaltstack,
    SYS_tgkill,       SYS_getpid,
    SYS_gettid,       SYS_clock_gettime,
    SYS_gettimeofday, SYS_getrusage,
    SYS_prlimit64,    SYS_getrandom,
    SYS_sysinfo,      SYS_exit,
    SYS_exit_group};

constexpr sock_filter load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
constexpr sock_filter jump_if_equal(std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}
constexpr sock_filter answer(std::uint32_t value) { return BPF_STMT(BPF_RET | BPF_K, value); }

bool install(std::vector<sock_filter>& program) {
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

bool restrict_calls() {
  std::vector<sock_filter> program = {load(offsetof(seccomp_data, arch)), jump_if_equal(architecture, 1, 0),
                                      answer(SECCOMP_RET_KILL_PROCESS), load(offsetof(seccomp_data, nr)),
                                      // openat: for reading only
                                      jump_if_equal(SYS_openat, 0, 5), load(offsetof(seccomp_data, args[2])),
                                      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, O_ACCMODE | O_CREAT | O_TRUNC),
                                      jump_if_equal(O_RDONLY, 0, 1), answer(SECCOMP_RET_ALLOW),
                                      answer(SECCOMP_RET_ERRNO | EACCES)};
  for (const int call : allowed_calls) {
    program.push_back(jump_if_equal(static_cast<std::uint32_t>(call), 0, 1));
    program.push_back(answer(SECCOMP_RET_ALLOW));
  }
  program.push_back(answer(SECCOMP_RET_ERRNO | EPERM));
  return install(program);
}

#if !defined(IRIS_SPARSE_SHADOW) && defined(MADV_POPULATE_WRITE)
constexpr std::size_t prefault_step = std::size_t{1} << 20;  // takes about 0.2 ms

bool is_readable(int fd) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) > 0;
}
#endif

}  // namespace

void prefault([[maybe_unused]] int source) noexcept {
  // One request too large for the bins makes malloc sort what the warm parse freed into them, now and not with a source
  // waiting.
  void* volatile large = std::malloc(std::size_t{100} << 10);
  std::free(large);
#if !defined(IRIS_SPARSE_SHADOW) && defined(MADV_POPULATE_WRITE)
  std::FILE* maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) return;
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    void* begin = nullptr;
    void* end = nullptr;
    char rights[8] = {};
    if (std::sscanf(line, "%p-%p %7s", &begin, &end, rights) != 3) continue;
    if (rights[0] != 'r' || rights[3] != 'p') continue;
    if (std::strstr(line, "[stack") != nullptr || std::strstr(line, "[v") != nullptr) continue;
    // A fork copies no page table of what is mapped from a file, either: Clang's code, the precompiled header.
    const int advice = rights[1] == 'w' ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
    for (auto* at = static_cast<char*>(begin); at < end && !is_readable(source); at += prefault_step) {
      ::madvise(at, std::min(prefault_step, static_cast<std::size_t>(static_cast<char*>(end) - at)), advice);
    }
  }
  std::fclose(maps);
#endif
}

std::string enter_cage(const Cage& cage) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#if !defined(IRIS_SPARSE_SHADOW)
  const auto memory = mapped_bytes() + cage.memory_bytes;
  limit(RLIMIT_AS, memory, memory);
#endif
  limit(RLIMIT_CPU, cage.cpu_seconds, cage.cpu_seconds + 1);  // SIGXCPU, then SIGKILL
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_FSIZE, 0, 0);
  const bool files = restrict_files(cage.readable_folders);
  const bool calls = restrict_calls();
  if (!files && !calls) return "Landlock and seccomp";
  return !files ? "Landlock" : !calls ? "seccomp" : "";
}

void close_cage() noexcept {
  std::vector<sock_filter> program = {load(offsetof(seccomp_data, nr)), jump_if_equal(SYS_openat, 0, 1),
                                      answer(SECCOMP_RET_ERRNO | EACCES), answer(SECCOMP_RET_ALLOW)};
  install(program);
}

}  // namespace iris::jit
