#include "daemon/worker/intake.hpp"

namespace iris::worker {
namespace {

void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) {
  // One writer: a load and a store, not an atomic addition.
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace

Intake::Intake() : arrivals_(conn::max_burst) {}

std::span<const conn::Arrival> Intake::take(std::span<const source::PacketRef> burst,
                                            conn::PacketEvents& events) noexcept {
  using parsers::packet::DecodeStatus;
  for (const auto& packet : burst) __builtin_prefetch(packet.data);
  const bool wanted = events.wanted();
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (const auto& packet : burst) {
    conn::Arrival& arrival = arrivals_[count];
    bytes += packet.wire_length;
    ++number_;
    const DecodeStatus status =
        parsers::packet::decode({packet.bytes(), packet.wire_length, packet.link}, arrival.decoded);
    if (wanted) events.take(packet, status, arrival.decoded);
    if (status != DecodeStatus::ok) continue;
    arrival.packet = packet;
    arrival.number = number_;
    ++count;
  }
  add(counters_.packets, burst.size());
  add(counters_.bytes, bytes);
  add(counters_.undecoded, burst.size() - count);
  return std::span(arrivals_).first(count);
}

}  // namespace iris::worker
