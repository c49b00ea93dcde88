// The receive loop of one core: burst → intake → connections → events, and between bursts what other workers have
// handed over, and what keeps connections, timers and pipelines moving.
#pragma once

#include <cstdint>
#include <stop_token>

#include "daemon/source/source.hpp"
#include "daemon/worker/connections.hpp"
#include "daemon/worker/intake.hpp"

namespace iris::worker {

enum class Idle : std::uint8_t {
  yield,  // leaves its CPU to others for a moment
  poll,   // asks again at once
};

struct Parts {
  std::uint32_t number = 0;  // from 0
  Idle idle = Idle::yield;
  IntakeOptions intake{};
  Mailboxes* mailboxes = nullptr;  // of all workers; nullptr where this is the only one
  source::Source& source;
  publish::Publisher& publisher;
  conn::Tracker& tracker;
};

// Everything in `parts` outlives it. run() is called once, by the thread that is to be the worker.
class Worker {
 public:
  explicit Worker(const Parts& parts);

  [[nodiscard]] const IntakeCounters& intake() const noexcept { return intake_.counters(); }

  // Until `stop` is requested or the source is exhausted; then ends all connections (EndReason::end_of_input). A
  // pipeline has been published before.
  void run(const std::stop_token& stop) noexcept;

  // Of the pipeline it runs. Thread: any.
  [[nodiscard]] std::uint32_t epoch() const noexcept { return connections_.epoch(); }

 private:
  [[nodiscard]] bool take_burst() noexcept;
  void rest() noexcept;

  source::Source& source_;
  const Idle idle_;
  const bool alone_;
  Intake intake_;
  Connections connections_;
  std::uint32_t idle_bursts_ = 0;
};

}  // namespace iris::worker
