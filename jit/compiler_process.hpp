// The iris-compiler process as the daemon sees it: started, spoken to, ended, reaped.
#pragma once

#include "jit/compiler.hpp"
#include "jit/compiler_protocol.hpp"

namespace iris::jit {

class CompilerProcess {
 public:
  // Starts `options.program` and waits until it is warm. It gets a session of its own, so that a signal from the
  // terminal reaches only the daemon, which then ends it. Errors: unavailable.
  [[nodiscard]] static Result<CompilerProcess> start(const CompilerOptions& options);
  CompilerProcess(CompilerProcess&& other) noexcept;
  CompilerProcess& operator=(CompilerProcess&&) = delete;
  ~CompilerProcess();

  // Receive::closed when the process is gone, and of no use any more; too_late when it did not answer in time.
  [[nodiscard]] Receive ask(const Source& source, Deadline deadline, Reply& reply);

 private:
  CompilerProcess(pid_t pid, Descriptor socket) : pid_(pid), socket_(std::move(socket)) {}

  pid_t pid_;
  Descriptor socket_;
};

}  // namespace iris::jit
