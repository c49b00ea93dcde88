#include "daemon/source/port_source.hpp"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <ctime>

#include "daemon/source/hand_over.hpp"

namespace iris::source {
namespace {

constexpr std::size_t most_at_once = 64;

// Calls of receive() from one look at the pools to the next: looking touches memory that all workers write to, and in
// so many bursts a pool of the smallest size loses an eighth.
constexpr std::uint32_t measured_every = 16;

Timestamp wall_clock() noexcept {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return {static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec)};
}

rte_mbuf* mbuf_of(const PacketRef& packet) noexcept { return static_cast<rte_mbuf*>(packet.handle); }

// Insertion: stable, without memory of its own, and quick on the few sorted runs that a burst is.
void order_by_time(std::span<PacketRef> burst) noexcept {
  for (std::size_t i = 1; i < burst.size(); ++i) {
    const PacketRef packet = burst[i];
    std::size_t j = i;
    for (; j > 0 && burst[j - 1].ts > packet.ts; --j) burst[j] = burst[j - 1];
    burst[j] = packet;
  }
}

}  // namespace

PortSource::PortSource(std::span<const Port* const> ports, std::uint16_t worker, std::uint16_t workers)
    : pool_(ports.empty() ? nullptr : &ports.front()->pool()), now_(wall_clock()) {
  std::uint32_t dealt = 0;
  for (const Port* port : ports) {
    const bool one_each = port->queues() == workers;
    for (std::uint16_t queue = 0; queue < port->queues(); ++queue) {
      const std::uint32_t receiver = one_each ? queue : dealt++ % workers;
      if (receiver != worker) continue;
      queues_.push_back({port, queue, {}});
      if (std::ranges::find(pools_, &port->pool()) == pools_.end()) pools_.push_back(&port->pool());
    }
  }
  ordered_ = queues_.size() > 1 &&
             std::ranges::all_of(queues_, [](const Queue& queue) { return queue.port->hardware_timestamps(); });
}

bool PortSource::spread_by_owner() const noexcept {
  return std::ranges::all_of(queues_, [](const Queue& queue) { return queue.port->follows(); });
}

std::size_t PortSource::receive(std::span<PacketRef> burst) noexcept {
  now_ = wall_clock();
  if (until_measured_-- == 0) measure_pressure();
  std::size_t count = 0;
  // Each queue is asked once, and another first each time, so that a busy one cannot starve the rest.
  for (std::size_t asked = 0; asked < queues_.size() && count < burst.size(); ++asked) {
    Queue& queue = queues_[next_];
    next_ = next_ + 1 == queues_.size() ? 0 : next_ + 1;
    count += receive_from(queue, burst.subspan(count));
  }
  if (ordered_) order_by_time(burst.first(count));
  return count;
}

std::size_t PortSource::receive_from(Queue& queue, std::span<PacketRef> burst) noexcept {
  std::array<rte_mbuf*, most_at_once> mbufs;
  const auto wanted = static_cast<std::uint16_t>(std::min(burst.size(), mbufs.size()));
  const std::uint16_t received = rte_eth_rx_burst(queue.port->id(), queue.number, mbufs.data(), wanted);
  after_hand_over(&queue.port->pool());
  if (received > 0 && queue.port->hardware_timestamps() && queue.clock.due(now_)) read_clock(queue);

  constexpr std::uint16_t ahead = 4;
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (std::uint16_t i = 0; i < received; ++i) {
    if (i + ahead < received) rte_prefetch0(mbufs[i + ahead]);
    rte_mbuf* packet = mbufs[i];
    if (packet->nb_segs > 1) packet = in_one_piece(queue, packet);
    if (packet == nullptr) continue;
    const std::uint32_t length = packet->pkt_len;
    burst[count++] = {.data = rte_pktmbuf_mtod(packet, const std::uint8_t*),
                      .length = length,
                      .wire_length = length,
                      .ts = timestamp(queue, packet),
                      .handle = packet};
    bytes += length;
  }
  counters_.packets += count;
  counters_.bytes += bytes;
  if (count > 0) queue.port->count(count, bytes);
  return count;
}

// Everybody after us sees a packet as one range of bytes. Null, with the packet freed and counted as missed, when no
// large buffer is left for it.
rte_mbuf* PortSource::in_one_piece(const Queue& queue, rte_mbuf* packet) noexcept {
  if (rte_pktmbuf_linearize(packet) == 0) return packet;
  rte_mbuf* copy = packet->pkt_len > Pool::longest_packet
                       ? nullptr
                       : rte_pktmbuf_copy(packet, queue.port->pool().large(), 0, packet->pkt_len);
  before_hand_over(&queue.port->pool());
  rte_pktmbuf_free(packet);
  if (copy == nullptr) ++counters_.missed;
  return copy;
}

Timestamp PortSource::timestamp(const Queue& queue, const rte_mbuf* packet) const noexcept {
  if ((packet->ol_flags & queue.port->timestamp_flag()) == 0 || !queue.clock.ready()) return now_;
  return queue.clock.at(*RTE_MBUF_DYNFIELD(packet, queue.port->timestamp_offset(), const rte_mbuf_timestamp_t*));
}

void PortSource::read_clock(Queue& queue) const noexcept {
  std::uint64_t ticks = 0;
  if (rte_eth_read_clock(queue.port->id(), &ticks) == 0) queue.clock.sample(ticks, wall_clock());
}

void PortSource::measure_pressure() noexcept {
  until_measured_ = measured_every - 1;
  const Pressure before = pressure();
  Pressure now = Pressure::none;
  for (const Pool* pool : pools_) now = std::max(now, pressure_at(pool->free(), pool->buffers(), before));
  if (now == before) return;
  // One writer: a load and a store each.
  const auto count = [](std::atomic<std::uint64_t>& times) {
    times.store(times.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  };
  if (now == Pressure::critical) count(times_critical_);
  if (now == Pressure::low && before == Pressure::none) count(times_low_);
  since_.store(now_.nanoseconds, std::memory_order_relaxed);
  pressure_.store(now, std::memory_order_relaxed);
}

PressureState PortSource::pressure_state() const noexcept {
  return {pressure(),
          {since_.load(std::memory_order_relaxed)},
          times_low_.load(std::memory_order_relaxed),
          times_critical_.load(std::memory_order_relaxed)};
}

Counters PortSource::counters() const noexcept {
  Counters result = counters_;
  for (const Queue& queue : queues_) {
    if (queue.number == 0) result.missed += queue.port->missed();
  }
  return result;
}

void PortSource::hold(const PacketRef& packet) noexcept { rte_mbuf_refcnt_update(mbuf_of(packet), 1); }

void PortSource::release(std::span<const PacketRef> packets) noexcept {
  std::array<rte_mbuf*, most_at_once> mbufs;
  if (pool_ != nullptr) before_hand_over(pool_);
  while (!packets.empty()) {
    const std::span<const PacketRef> some = packets.first(std::min(packets.size(), mbufs.size()));
    std::ranges::transform(some, mbufs.begin(), mbuf_of);
    rte_pktmbuf_free_bulk(mbufs.data(), static_cast<unsigned>(some.size()));
    packets = packets.subspan(some.size());
  }
}

Room PortSource::compose(std::uint32_t length) noexcept {
  if (pool_ == nullptr || length > longest_composed) return {};
  rte_mempool* buffers = length <= rte_pktmbuf_data_room_size(pool_->packets()) ? pool_->packets() : pool_->large();
  rte_mbuf* packet = rte_pktmbuf_alloc(buffers);
  after_hand_over(pool_);
  if (packet == nullptr) return {};
  packet->data_off = 0;  // nothing will be put before it, and the longest datagram needs all of a large buffer
  packet->data_len = static_cast<std::uint16_t>(length);
  packet->pkt_len = length;
  return {rte_pktmbuf_mtod(packet, std::uint8_t*), packet};
}

}  // namespace iris::source
