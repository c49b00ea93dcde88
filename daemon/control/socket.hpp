// The control socket's file: whether it may be taken, who may connect, and its removal.
#pragma once

#include <sys/types.h>

#include <string>

#include "jit/abi/result.hpp"

namespace iris::control {

// The system group whose members may connect, where it exists.
inline constexpr const char* socket_group = "iris";

class SocketFile {
 public:
  // Makes sure that a server can bind `path` next: makes the parent directory (mode 0750) if it is missing, and removes
  // the socket of a daemon that is gone. Fails with `unavailable` when another daemon is listening there, when
  // something else than a socket is in the way, or when the directory does not permit it; with `invalid` when the path
  // is too long.
  [[nodiscard]] static Result<SocketFile> claim(const std::string& path);

  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  // Removes the file, unless it is not the one that was bound.
  ~SocketFile();

  // After binding: mode 0660, and the group `iris`. Where the group cannot be set, that is logged, and only this user
  // can connect.
  [[nodiscard]] Result<void> bound();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit SocketFile(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty: moved from
  bool bound_ = false;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace iris::control
