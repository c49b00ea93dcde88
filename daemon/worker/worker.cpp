#include "daemon/worker/worker.hpp"

#include <array>
#include <chrono>
#include <thread>

namespace iris::worker {
namespace {

// Idle bursts before a worker that shares its CPU sleeps, and for how long: well below what a NIC's ring, or a mailbox,
// holds.
constexpr std::uint32_t patience = 64;
constexpr std::chrono::microseconds nap{50};

}  // namespace

Worker::Worker(const Parts& parts)
    : source_(parts.source),
      idle_(parts.idle),
      alone_(parts.mailboxes == nullptr),
      intake_(
          parts.intake, parts.source,
          {.mailboxes = parts.mailboxes, .worker = parts.number, .spread_by_owner = parts.source.spread_by_owner()}),
      connections_(parts.number, parts.publisher, parts.tracker) {}

// Nothing has come for a while. Offline, so that nobody waits for this worker to wake.
void Worker::rest() noexcept {
  if (idle_ == Idle::poll || ++idle_bursts_ < patience) return;
  connections_.pause();
  std::this_thread::sleep_for(nap);
  connections_.resume();
}

// False when there was nothing.
bool Worker::take_burst() noexcept {
  std::array<source::PacketRef, conn::max_burst> burst;
  const std::span<source::PacketRef> received = std::span(burst).first(source_.receive(burst));
  connections_.process(intake_.take(received, connections_.wants_layers()), intake_.layers());
  source_.release(received);
  if (alone_) return !received.empty();
  const auto handed_over = intake_.take_handed_over(connections_.wants_layers());
  connections_.process(handed_over, intake_.layers());
  return !received.empty() || !handed_over.empty();
}

void Worker::run(const std::stop_token& stop) noexcept {
  connections_.online();
  while (!stop.stop_requested() && !source_.exhausted()) {
    connections_.adopt();
    const bool busy = take_burst();
    const Timestamp now = source_.now();
    intake_.expire(now);
    connections_.advance(now, false);
    if (busy) {
      idle_bursts_ = 0;
    } else {
      rest();
    }
  }
  connections_.finish();
}

}  // namespace iris::worker
