#include "daemon/control/socket.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "proto/address.hpp"

namespace iris::control {
namespace {

// A socket of our own, to ask what is at a path.
class Probe {
 public:
  Probe() : file_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;
  ~Probe() {
    if (file_ >= 0) ::close(file_);
  }

  // 0, or errno.
  [[nodiscard]] int connect(const std::string& path) const { return call(::connect, path); }
  [[nodiscard]] int bind(const std::string& path) const { return call(::bind, path); }

 private:
  int call(int (*function)(int, const sockaddr*, socklen_t), const std::string& path) const {
    if (file_ < 0) return errno;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return function(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  }

  int file_;
};

std::unexpected<Error> cannot_listen(const std::string& path, const std::string& why) {
  return fail(ErrorCode::unavailable, fmt::format("cannot listen at {}: {}", path, why));
}

std::optional<gid_t> group_id() {
  group entry{};
  group* found = nullptr;
  std::array<char, 4096> memory{};
  if (::getgrnam_r(socket_group, &entry, memory.data(), memory.size(), &found) != 0 || found == nullptr) return {};
  return entry.gr_gid;
}

void give_to_group(const std::string& path) {
  const auto group = group_id();
  if (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    spdlog::warn("cannot give {} to the group {}: {}; its members cannot connect", path, socket_group,
                 std::strerror(errno));
  }
}

// Only the last directory gets our mode; those above it are the administrator's.
Result<void> make_parent(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (parent.empty() || std::filesystem::exists(parent, error)) return {};
  if (parent.has_parent_path()) std::filesystem::create_directories(parent.parent_path(), error);
  if (error) return cannot_listen(path, fmt::format("{}: {}", parent.parent_path().string(), error.message()));
  if (::mkdir(parent.c_str(), 0750) != 0 && errno != EEXIST) {
    return cannot_listen(path, fmt::format("cannot make the directory {}: {}", parent.string(), std::strerror(errno)));
  }
  give_to_group(parent);
  return {};
}

Result<void> take_over(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return cannot_listen(path, std::strerror(errno));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return cannot_listen(path, "something that is not a socket is there: remove it, or choose another path");
  }
  const int error = Probe().connect(path);
  if (error == ECONNREFUSED) {
    spdlog::warn("{} is left over from a daemon that is gone: taken over", path);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return cannot_listen(path, std::strerror(errno));
    return {};
  }
  if (error == 0 || error == EAGAIN) return cannot_listen(path, "another irisd is listening there");
  return error == ENOENT ? Result<void>{} : cannot_listen(path, std::strerror(error));
}

// The server that binds later can only say that it failed, and not why.
Result<void> try_bind(const std::string& path) {
  if (const int error = Probe().bind(path); error != 0) return cannot_listen(path, std::strerror(error));
  ::unlink(path.c_str());
  return {};
}

}  // namespace

Result<SocketFile> SocketFile::claim(const std::string& path) {
  auto checked = proto::socket_path(path);
  if (!checked) return fail(ErrorCode::invalid, std::move(checked).error());
  auto ready = make_parent(*checked);
  if (ready) ready = take_over(*checked);
  if (ready) ready = try_bind(*checked);
  if (!ready) return std::unexpected(std::move(ready).error());
  return SocketFile(*std::move(checked));
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      bound_(std::exchange(other.bound_, false)),
      device_(other.device_),
      inode_(other.inode_) {}

SocketFile::~SocketFile() {
  struct stat status{};
  if (!bound_ || ::lstat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) ::unlink(path_.c_str());
}

Result<void> SocketFile::bound() {
  struct stat status{};
  if (::lstat(path_.c_str(), &status) != 0) return cannot_listen(path_, std::strerror(errno));
  bound_ = true;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  give_to_group(path_);
  if (::chmod(path_.c_str(), 0660) != 0) return cannot_listen(path_, std::strerror(errno));
  return {};
}

}  // namespace iris::control
