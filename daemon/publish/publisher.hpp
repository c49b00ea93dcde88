// How a new pipeline reaches every worker, and how one learns that nobody uses what it replaced.
//
// publish: one pointer store a worker, then a grace period (quiescent-state-based reclamation, rte_rcu_qsbr): each
// worker takes the pointer up at its next burst, idle bursts included. Connections follow lazily; oldest_epoch says
// how far they have come. Receiving never waits for anything here.
#pragma once

#include <cstdint>
#include <memory>

#include "daemon/conn/pipeline.hpp"

namespace iris::publish {

class Publisher {
 public:
  explicit Publisher(std::uint32_t workers);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // ---- control side: one thread at a time --------------------------------------------------------------------

  // Returns when every worker that is online runs `pipeline`; the former one is given up then. Never spins: cores may
  // be shared.
  void publish(std::shared_ptr<const conn::Pipeline> pipeline);

  // The oldest epoch that any worker's connection, or the worker itself, is still in.
  [[nodiscard]] std::uint32_t oldest_epoch() const noexcept;

  // ---- worker side: worker `worker`'s own thread -------------------------------------------------------------

  // Between online and offline, what current() returned stays valid until the next quiescent().
  void online(std::uint32_t worker) noexcept;
  void offline(std::uint32_t worker) noexcept;  // holds no pipeline; before it sleeps or ends
  void quiescent(std::uint32_t worker) noexcept;
  [[nodiscard]] const conn::Pipeline* current(std::uint32_t worker) const noexcept;
  void report_oldest_epoch(std::uint32_t worker, std::uint32_t epoch) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace iris::publish
