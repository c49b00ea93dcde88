// One worker's share of the ports: a receive queue of each. Packets stay where DPDK put them.
//
// A passive tap delivers each direction of a link on a port of its own. The worker that receives a queue of one
// receives the same queue of the other, and where both ports have hardware timestamps, a burst is in their order.
#pragma once

#include <array>
#include <atomic>
#include <span>
#include <vector>

#include "daemon/source/hardware_clock.hpp"
#include "daemon/source/port.hpp"
#include "daemon/source/source.hpp"

struct rte_mbuf;  // NOLINT(readability-identifier-naming): DPDK's

namespace iris::source {

// How short of buffers a source is and was.
struct PressureState {
  Pressure now = Pressure::none;
  Timestamp since;             // wall clock: when it became so; 0: it has been since the start
  std::uint64_t low = 0;       // how often it became low since the start, from none
  std::uint64_t critical = 0;  // how often it became critical
};

class PortSource final : public Source {
 public:
  // What one of several workers receives from the ports: of each that has a queue for every worker, the worker's; the
  // queues of the others are dealt out in turn. None is fine, and gives nothing ever. The ports outlive the source.
  PortSource(std::span<const Port* const> ports, std::uint16_t worker, std::uint16_t workers);

  [[nodiscard]] std::size_t receive(std::span<PacketRef> burst) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override { return false; }
  [[nodiscard]] bool spread_by_owner() const noexcept override;

  // The wall clock at the last receive().
  [[nodiscard]] Timestamp now() const noexcept override { return now_; }

  // `missed` has the losses of whole ports, and so is counted by whoever has their queue 0, as are packets of several
  // buffers for which no large one was left.
  [[nodiscard]] Counters counters() const noexcept override;

  void hold(const PacketRef& packet) noexcept override;
  void release(std::span<const PacketRef> packets) noexcept override;
  // From the ports' pool, also where none of their queues is its own: one of the many buffers that packets arrive in
  // where that is enough, else one of the few large ones.
  [[nodiscard]] Room compose(std::uint32_t length) noexcept override;

  // Of the pool with least left, as of one of the last few calls of receive().
  [[nodiscard]] Pressure pressure() const noexcept override { return pressure_.load(std::memory_order_relaxed); }
  // Thread: any.
  [[nodiscard]] PressureState pressure_state() const noexcept;

  [[nodiscard]] std::size_t queues() const { return queues_.size(); }

 private:
  struct Queue {
    const Port* port = nullptr;
    std::uint16_t number = 0;  // the port's
    HardwareClock clock;
  };

  [[nodiscard]] std::size_t receive_from(Queue& queue, std::span<PacketRef> burst) noexcept;
  [[nodiscard]] rte_mbuf* in_one_piece(const Queue& queue, rte_mbuf* packet) noexcept;
  [[nodiscard]] Timestamp timestamp(const Queue& queue, const rte_mbuf* packet) const noexcept;
  void read_clock(Queue& queue) const noexcept;
  void measure_pressure() noexcept;

  Pool* pool_;  // of all ports; nullptr without any
  std::vector<Queue> queues_;
  std::size_t next_ = 0;  // queue that is asked first
  bool ordered_ = false;  // several queues, all with hardware timestamps
  Timestamp now_;
  Counters counters_;

  std::vector<const Pool*> pools_;    // of the queues, each once
  std::uint32_t until_measured_ = 0;  // calls of receive()
  std::atomic<Pressure> pressure_{Pressure::none};
  std::atomic<std::uint64_t> since_{0};  // PressureState::since
  std::atomic<std::uint64_t> times_low_{0};
  std::atomic<std::uint64_t> times_critical_{0};
};

}  // namespace iris::source
