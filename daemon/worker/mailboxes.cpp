#include "daemon/worker/mailboxes.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

namespace iris::worker {
namespace {

// Of one receiver, from all: a millisecond or two at the rate that one worker can take.
constexpr std::uint32_t waiting = 8192;
constexpr std::uint32_t smallest_queue = 128;  // two bursts

std::uint32_t queue_capacity(std::uint32_t workers) {
  return workers < 2 ? 0 : std::max(smallest_queue, std::bit_floor(waiting / (workers - 1)));
}

}  // namespace

std::uint32_t Mailboxes::capacity(std::uint32_t workers) {
  return workers < 2 ? 0 : (workers - 1) * queue_capacity(workers);
}

Mailboxes::Mailboxes(const source::Owner& owner) : owner_(owner) {
  const std::uint32_t workers = owner.workers();
  queues_.resize(std::size_t{workers} * workers);
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    if (i / workers == i % workers) continue;
    queues_[i] = std::make_unique<SpscQueue<Parcel>>(queue_capacity(workers));
  }
}

void Mailboxes::clear(source::PacketHolder& holder) noexcept {
  Parcel parcel;
  for (const auto& queue : queues_) {
    while (queue != nullptr && queue->take(parcel)) holder.release(std::span(&parcel.arrival.packet, 1));
  }
}

}  // namespace iris::worker
