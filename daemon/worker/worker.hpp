// The receive loop of one core: burst → decode → connections → events, and between bursts what keeps connections,
// timers and pipelines moving.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>

#include "daemon/conn/tracker.hpp"
#include "daemon/publish/publisher.hpp"
#include "daemon/source/source.hpp"
#include "daemon/worker/intake.hpp"

namespace iris::worker {

enum class Idle : std::uint8_t {
  yield,  // leaves its CPU to others for a moment
  poll,   // asks again at once
};

struct Parts {
  std::uint32_t number = 0;  // from 0
  Idle idle = Idle::yield;
  // Whether time passes by itself. False, for captures: timers are turned all the way before the next burst.
  bool real_time = true;
  source::Source& source;
  publish::Publisher& publisher;
  conn::Tracker& tracker;
};

// Everything in `parts` outlives it. run() is called once, by the thread that is to be the worker.
class Worker {
 public:
  explicit Worker(const Parts& parts) : parts_(parts) {}

  [[nodiscard]] const IntakeCounters& intake() const noexcept { return intake_.counters(); }

  // Until `stop` is requested or the source is exhausted; then ends all connections (EndReason::end_of_input). A
  // pipeline has been published before.
  void run(const std::stop_token& stop) noexcept;

  // Of the pipeline it runs. Thread: any.
  [[nodiscard]] std::uint32_t epoch() const noexcept { return epoch_.load(std::memory_order_relaxed); }

 private:
  void take_up_pipeline() noexcept;
  void rest() noexcept;

  Parts parts_;
  Intake intake_;
  const conn::Pipeline* pipeline_ = nullptr;
  std::uint32_t oldest_ = 0;
  std::uint32_t idle_bursts_ = 0;
  std::atomic<std::uint32_t> epoch_{0};
};

}  // namespace iris::worker
