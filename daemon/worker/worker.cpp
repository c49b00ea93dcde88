#include "daemon/worker/worker.hpp"

#include <array>
#include <chrono>
#include <thread>

namespace iris::worker {
namespace {

// Per burst: enough to keep up at any rate, little enough not to delay the next burst.
constexpr std::uint64_t expire_budget = 128;
constexpr std::uint32_t sweep_budget = 64;

// Idle bursts before a worker that shares its CPU sleeps, and for how long: well below what a NIC's ring holds.
constexpr std::uint32_t patience = 64;
constexpr std::chrono::microseconds nap{50};

}  // namespace

void Worker::take_up_pipeline() noexcept {
  const conn::Pipeline* published = parts_.publisher.current(parts_.number);
  if (published == pipeline_) return;
  pipeline_ = published;
  parts_.tracker.adopt(*published);
  epoch_.store(published->epoch, std::memory_order_relaxed);
}

// Nothing has come for a while. Offline, so that nobody waits for this worker to wake.
void Worker::rest() noexcept {
  if (parts_.idle == Idle::poll || ++idle_bursts_ < patience) return;
  parts_.publisher.offline(parts_.number);
  std::this_thread::sleep_for(nap);
  parts_.publisher.online(parts_.number);
}

void Worker::run(const std::stop_token& stop) noexcept {
  std::array<source::PacketRef, conn::max_burst> burst;
  parts_.publisher.online(parts_.number);
  while (!stop.stop_requested() && !parts_.source.exhausted()) {
    take_up_pipeline();
    const std::span<source::PacketRef> received = std::span(burst).first(parts_.source.receive(burst));
    parts_.tracker.process(intake_.take(received, parts_.tracker.packet_events()));
    parts_.source.release(received);
    const Timestamp now = parts_.source.now();
    while (!parts_.tracker.expire(now, expire_budget) && !parts_.real_time) {
    }
    parts_.tracker.sweep(sweep_budget, now);
    if (const std::uint32_t oldest = parts_.tracker.oldest_epoch(); oldest != oldest_) {
      oldest_ = oldest;
      parts_.publisher.report_oldest_epoch(parts_.number, oldest);
    }
    parts_.publisher.quiescent(parts_.number);
    if (!received.empty()) {
      idle_bursts_ = 0;
    } else {
      rest();
    }
  }
  take_up_pipeline();
  parts_.tracker.finish(EndReason::end_of_input);
  parts_.publisher.report_oldest_epoch(parts_.number, parts_.tracker.oldest_epoch());
  parts_.publisher.offline(parts_.number);
}

}  // namespace iris::worker
