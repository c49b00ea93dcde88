// The warm process between the daemon and the children. It holds a parse of the SDK and keeps one child ready that was
// forked inside it; each child compiles one source and dies.
#pragma once

#include <chrono>
#include <string>

#include <sys/types.h>

#include "jit/compiler_protocol.hpp"
#include "jit/compiler_sandbox.hpp"
#include "jit/frontend/frontend.hpp"

namespace iris::jit {

class Server {
 public:
  // `channel`: the daemon's socket.
  Server(Descriptor channel, Limits limits, Cage cage);

  // Serves requests until the daemon closes its end, and then ends the process. Returns in each child, once, with the
  // source that it is to compile.
  [[nodiscard]] frontend::Source await_source();

  // In a child: where the reply goes.
  [[nodiscard]] int reply_to() const { return channel_.get(); }
  [[nodiscard]] frontend::Progress& progress();

 private:
  // Of the spare child. In memory shared with it.
  struct Shared;
  struct Child {
    pid_t pid = 0;  // 0: none
    Descriptor socket;
  };

  bool fork_spare();  // true in the child
  void become_child(Descriptor socket);
  [[nodiscard]] Reply supervise(const Source& source);
  [[nodiscard]] Reply post_mortem(const Source& source, bool too_late);
  void bury_spare();
  void reap();
  [[nodiscard]] bool has_source_within(std::chrono::milliseconds time) const;
  [[noreturn]] void stop();

  Descriptor channel_;
  Limits limits_;
  Cage cage_;
  Shared* shared_;
  Child spare_;
  pid_t leaving_ = 0;  // one that was killed, and not waited for yet
  bool announced_ = false;
};

}  // namespace iris::jit
