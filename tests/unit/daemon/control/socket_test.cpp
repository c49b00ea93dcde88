#include "daemon/control/socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

namespace iris::control {
namespace {

// Some server's socket; the file stays when it is closed, as after a crash.
class Listener {
 public:
  explicit Listener(const std::string& path) : file_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(file_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(file_, 1), 0);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(file_); }

 private:
  int file_;
};

unsigned mode(const std::filesystem::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

class SocketFileTest : public testing::Test {
 protected:
  ~SocketFileTest() override { std::filesystem::remove_all(folder); }

  const std::filesystem::path folder = testing::TempDir() + "iris-socket-" + std::to_string(::getpid());
  const std::string path = folder / "inner" / "control.sock";
};

TEST_F(SocketFileTest, MakesItsDirectoryAndCleansUp) {
  {
    auto file = SocketFile::claim(path);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(mode(folder / "inner") & ~0750U, 0U);
    EXPECT_FALSE(std::filesystem::exists(path));
    const Listener listener(path);
    ASSERT_TRUE(file->bound());
    EXPECT_EQ(mode(path), 0660U);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_TRUE(std::filesystem::exists(folder / "inner"));
}

TEST_F(SocketFileTest, RefusesOneInUse) {
  std::filesystem::create_directories(folder / "inner");
  const Listener listener(path);
  const auto file = SocketFile::claim(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::unavailable);
  EXPECT_EQ(file.error().message, "cannot listen at " + path + ": another irisd is listening there");
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(SocketFileTest, TakesAStaleOneOver) {
  std::filesystem::create_directories(folder / "inner");
  {
    const Listener crashed(path);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(SocketFile::claim(path));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(SocketFileTest, LeavesOtherFilesAlone) {
  std::filesystem::create_directories(folder / "inner");
  std::ofstream(path) << "precious";
  const auto file = SocketFile::claim(path);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, testing::HasSubstr("not a socket"));
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(SocketFileTest, LeavesASuccessorsSocketAlone) {
  auto file = SocketFile::claim(path);
  ASSERT_TRUE(file);
  std::optional<Listener> first(path);
  ASSERT_TRUE(file->bound());
  std::filesystem::rename(path, path + ".old");
  const Listener second(path);
  {
    const SocketFile gone = *std::move(file);
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(SocketFileTest, SaysWhatIsWrongWithThePath) {
  const auto too_long = SocketFile::claim("/" + std::string(120, 'x'));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::invalid);
  EXPECT_THAT(too_long.error().message, testing::HasSubstr("121 bytes long, and Unix sockets allow 107"));
  const auto nowhere = SocketFile::claim("/proc/iris/control.sock");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, ErrorCode::unavailable);
  EXPECT_THAT(nowhere.error().message, testing::HasSubstr("cannot listen at /proc/iris/control.sock: "));
  EXPECT_FALSE(SocketFile::claim(""));
}

}  // namespace
}  // namespace iris::control
