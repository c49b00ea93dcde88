// DPDK's environment (EAL): started once a process, before any port, and ended after all of them.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "jit/abi/result.hpp"

namespace iris::source {

class Eal {
 public:
  // `arguments` as on the command line of any DPDK program, without the program's name. Where they name no lcores, DPDK
  // gets one, and starts no threads of its own on the others. The calling thread's CPU affinity stays as it is.
  //
  // DPDK allows one start in the life of a process, failed ones included: `exists` after that. Its log goes to ours,
  // errors only; those of a failed start are in the error's message instead.
  [[nodiscard]] static Result<std::unique_ptr<Eal>> start(std::span<const std::string> arguments);

  ~Eal();  // after every port and pool
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

 private:
  Eal() = default;
};

// Makes the calling thread known to DPDK for as long as this lives: it gets an lcore number, and with it a cache of its
// own in every pool. Threads that receive, or allocate packets, have one. Threads without work too, only slower.
class EalThread {
 public:
  EalThread() noexcept;
  ~EalThread();
  EalThread(const EalThread&) = delete;
  EalThread& operator=(const EalThread&) = delete;

  // False when DPDK has no lcore number left (128 in all).
  [[nodiscard]] bool registered() const { return registered_; }

 private:
  bool registered_ = false;
};

}  // namespace iris::source
