#include "daemon/worker/connections.hpp"

#include <algorithm>

namespace iris::worker {
namespace {

// Per burst: enough to keep up at any rate, little enough not to delay the next burst.
constexpr std::uint64_t expire_budget = 128;
constexpr std::uint32_t sweep_budget = 64;

}  // namespace

void Connections::online() noexcept {
  publisher_.online(worker_);
  adopt();
}

void Connections::adopt() noexcept {
  const conn::Pipeline& published = *publisher_.current(worker_);
  // Not by address: while this worker was away, another pipeline may have come to where its own was.
  if (published.epoch == epoch() && published.edition == edition_) return;
  tracker_.adopt(published);
  edition_ = published.edition;
  epoch_.store(published.epoch, std::memory_order_relaxed);
}

void Connections::process(std::span<const conn::Arrival> arrivals, std::span<const Layer> layers) noexcept {
  for (const Layer& layer : layers) tracker_.packet_events().take(layer.arrival, layer.status);
  while (!arrivals.empty()) {
    const auto some = arrivals.first(std::min(arrivals.size(), conn::max_burst));
    tracker_.process(some);
    arrivals = arrivals.subspan(some.size());
  }
}

void Connections::advance(Timestamp now, bool all) noexcept {
  while (!tracker_.expire(now, expire_budget) && all) {
  }
  tracker_.sweep(sweep_budget, now);
  report();
  publisher_.quiescent(worker_);
}

void Connections::report() noexcept {
  const std::uint32_t oldest = tracker_.oldest_epoch();
  if (oldest == oldest_) return;
  oldest_ = oldest;
  publisher_.report_oldest_epoch(worker_, oldest);
}

void Connections::finish() noexcept {
  adopt();
  tracker_.finish(EndReason::end_of_input);
  publisher_.report_oldest_epoch(worker_, tracker_.oldest_epoch());
  publisher_.offline(worker_);
}

}  // namespace iris::worker
