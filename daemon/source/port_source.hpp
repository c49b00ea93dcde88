// One worker's share of the ports: a receive queue of each. Packets stay where DPDK put them.
//
// A passive tap delivers each direction of a link on a port of its own. The worker that receives a queue of one
// receives the same queue of the other, and where both ports have hardware timestamps, a burst is in their order.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "daemon/source/hardware_clock.hpp"
#include "daemon/source/port.hpp"
#include "daemon/source/source.hpp"

struct rte_mbuf;  // NOLINT(readability-identifier-naming): DPDK's

namespace iris::source {

class PortSource final : public Source {
 public:
  // Queue number `worker` of every port that has as many; none is fine, and gives nothing ever. The ports share a pool
  // and outlive the source.
  PortSource(std::span<const Port* const> ports, std::uint16_t worker);

  [[nodiscard]] std::size_t receive(std::span<PacketRef> burst) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override { return false; }
  [[nodiscard]] bool spread_by_owner() const noexcept override;

  // The wall clock at the last receive().
  [[nodiscard]] Timestamp now() const noexcept override { return now_; }

  // `missed` has the losses of whole ports, and so is counted by the worker of queue 0 only, as are packets of several
  // buffers for which no large one was left.
  [[nodiscard]] Counters counters() const noexcept override;

  void hold(const PacketRef& packet) noexcept override;
  void release(std::span<const PacketRef> packets) noexcept override;
  // From the ports' pool, also where none of their queues is its own: one of the many buffers that packets arrive in
  // where that is enough, else one of the few large ones.
  [[nodiscard]] Room compose(std::uint32_t length) noexcept override;

  [[nodiscard]] std::size_t queues() const { return queues_.size(); }

 private:
  struct Queue {
    const Port* port = nullptr;
    HardwareClock clock;
  };

  [[nodiscard]] std::size_t receive_from(Queue& queue, std::span<PacketRef> burst) noexcept;
  [[nodiscard]] rte_mbuf* in_one_piece(const Queue& queue, rte_mbuf* packet) noexcept;
  [[nodiscard]] Timestamp timestamp(const Queue& queue, const rte_mbuf* packet) const noexcept;
  void read_clock(Queue& queue) const noexcept;

  Pool* pool_;  // of all ports; nullptr without any
  std::vector<Queue> queues_;
  std::uint16_t worker_;
  std::size_t next_ = 0;  // queue that is asked first
  bool ordered_ = false;  // several queues, all with hardware timestamps
  Timestamp now_;
  Counters counters_;
};

}  // namespace iris::source
