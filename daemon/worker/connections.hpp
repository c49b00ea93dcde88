// One worker's connections, and what keeps them moving wherever packets come from: packets, time, new pipelines, the
// end.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "daemon/conn/tracker.hpp"
#include "daemon/publish/publisher.hpp"
#include "daemon/worker/intake.hpp"

namespace iris::worker {

// Everything it is made of outlives it. Used by the worker's thread, but for epoch().
class Connections {
 public:
  Connections(std::uint32_t worker, publish::Publisher& publisher, conn::Tracker& tracker)
      : worker_(worker), publisher_(publisher), tracker_(tracker) {}

  // The worker runs pipelines from now on. One has been published before.
  void online() noexcept;
  // Leaves a moment in which nothing waits for this worker: around a sleep.
  void pause() noexcept { publisher_.offline(worker_); }
  void resume() noexcept { publisher_.online(worker_); }

  // Before packets: the published pipeline, if it is another.
  void adopt() noexcept;
  // Whether process() does anything with layers: the same until adopt() is called again.
  [[nodiscard]] bool wants_layers() noexcept { return tracker_.packet_events().wanted(); }
  // Any number of packets of connections, and before them of packets by themselves.
  void process(std::span<const conn::Arrival> arrivals, std::span<const Layer> layers) noexcept;
  // After packets: time passes, old connections follow the pipeline, and others learn how far we are. `all` of what is
  // due at `now`, or as much as delays the next burst little.
  void advance(Timestamp now, bool all) noexcept;
  // Ends every connection (EndReason::end_of_input). Nothing comes after it.
  void finish() noexcept;

  [[nodiscard]] conn::Tracker& tracker() noexcept { return tracker_; }
  // Of the pipeline it runs. Thread: any.
  [[nodiscard]] std::uint32_t epoch() const noexcept { return epoch_.load(std::memory_order_relaxed); }

 private:
  void report() noexcept;

  const std::uint32_t worker_;
  publish::Publisher& publisher_;
  conn::Tracker& tracker_;
  std::uint32_t oldest_ = 0;
  std::uint32_t edition_ = 0;
  std::atomic<std::uint32_t> epoch_{0};
};

}  // namespace iris::worker
