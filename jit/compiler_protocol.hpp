// What the daemon, iris-compiler and its children say to each other over stream sockets: one request, one reply.
//
// A frame is a fixed header and then its byte strings. Every length is checked against a limit before anything is
// allocated: the process at the other end may be running wild.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "jit/compiler.hpp"

namespace iris::jit {

inline constexpr std::size_t max_source_bytes = 1 << 20;
inline constexpr std::size_t max_object_bytes = 32 << 20;
inline constexpr std::size_t max_text_bytes = 8 << 20;  // of a Spec, of diagnostics

// A file descriptor, owned.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Descriptor() { reset(); }

  void reset(int fd = -1);
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

enum class Verdict : std::uint8_t {
  ready,      // sent once by a server that is warm
  accepted,   // spec and object are there
  refused,    // by diagnostics
  exhausted,  // the child ran out of time or memory; `diagnostics` says where
  died,       // the child crashed; `diagnostics` says where
};

struct Reply {
  Verdict verdict = Verdict::died;
  std::array<double, 3> milliseconds{};  // front end, optimise, generate code
  std::string spec;                      // frontend::to_text
  std::string object;
  std::string diagnostics;
};

using Deadline = std::chrono::steady_clock::time_point;

enum class Receive : std::uint8_t {
  done,
  closed,   // the other end is gone, or does not keep to the protocol
  too_late  // the deadline passed
};

// False when the other end is gone, or does not read for ten seconds.
[[nodiscard]] bool send_source(int fd, const Source& source);
[[nodiscard]] bool send_reply(int fd, const Reply& reply);

// Waits for ever when there is no deadline.
[[nodiscard]] Receive receive_source(int fd, Source& source);
// `watched`: also ends, as `closed`, when that descriptor's other end is gone; -1: none.
[[nodiscard]] Receive receive_reply(int fd, Deadline deadline, Reply& reply, int watched = -1);

}  // namespace iris::jit
