#include "jit/compiler_sandbox.hpp"

#include <cerrno>
#include <cstdlib>
#include <functional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace iris::jit {
namespace {

Cage cage() { return {{"/usr/include"}, 256 << 20, 10}; }

// The exit status of a child that enters the cage and runs `inside`; 100 where the kernel has no such cage.
int in_cage(const std::function<int()>& inside) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    prefault(-1);
    ::_exit(enter_cage(cage()).empty() ? inside() : 100);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int open_error(const char* path, int flags) { return ::open(path, flags, 0600) >= 0 ? 0 : errno; }

class CompilerSandbox : public testing::Test {
 protected:
  void SetUp() override {
    if (in_cage([] { return 0; }) == 100) GTEST_SKIP() << "the kernel has no Landlock or no seccomp";
  }
};

TEST_F(CompilerSandbox, ReadsOnlyWhatItMay) {
  EXPECT_EQ(in_cage([] { return open_error("/usr/include/stdio.h", O_RDONLY); }), 0);
  EXPECT_EQ(in_cage([] { return open_error("/etc/passwd", O_RDONLY); }), EACCES);
  EXPECT_EQ(in_cage([] { return open_error("/dev/zero", O_RDONLY); }), EACCES);
  EXPECT_EQ(in_cage([] { return open_error("/proc/self/maps", O_RDONLY); }), EACCES);
}

TEST_F(CompilerSandbox, WritesNothing) {
  EXPECT_EQ(in_cage([] { return open_error("/tmp/iris-sandbox-test", O_WRONLY | O_CREAT); }), EACCES);
  EXPECT_EQ(in_cage([] { return open_error("/dev/null", O_RDWR); }), EACCES);
}

TEST_F(CompilerSandbox, ReachesNobody) {
  EXPECT_EQ(in_cage([] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno; }), EPERM);
  EXPECT_EQ(in_cage([] { return ::kill(::getppid(), 0) == 0 ? 0 : errno; }), EPERM);
  EXPECT_EQ(in_cage([] { return ::execl("/bin/true", "true", nullptr) == 0 ? 0 : errno; }), EPERM);
}

TEST_F(CompilerSandbox, HasAnEndToItsMemory) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "a sanitizer's shadow has no limit";
#endif
#endif
  EXPECT_EQ(in_cage([] {
              void* memory = ::mmap(nullptr, 512 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return memory == MAP_FAILED ? errno : 0;
            }),
            ENOMEM);
}

TEST_F(CompilerSandbox, OpensNothingOnceClosed) {
  EXPECT_EQ(in_cage([] {
              close_cage();
              return open_error("/usr/include/stdio.h", O_RDONLY);
            }),
            EACCES);
}

}  // namespace
}  // namespace iris::jit
