// The buffers that received packets lie in (DPDK mempools). A pool that runs empty loses packets, so its size counts
// all who may hold some: queues, caches, reassembly, incomplete datagrams, and what workers hand to each other.
#pragma once

#include <cstdint>
#include <memory>

#include "daemon/source/node.hpp"
#include "daemon/source/packet.hpp"
#include "jit/abi/result.hpp"

struct rte_mempool;  // NOLINT(readability-identifier-naming): DPDK's

namespace iris::source {

struct PoolOptions {
  std::uint32_t buffers = 16383;     // 2^n - 1 uses memory best
  std::uint16_t buffer_size = 2048;  // bytes of a packet in one buffer
  int node = any_node;               // NUMA node to lie on
};

// What a pool serves: the ports of one NUMA node, and every worker, for each receives from each port.
struct PoolDemand {
  std::uint32_t queues = 1;  // of these ports together
  std::uint32_t rx_descriptors = 1024;
  std::uint32_t workers = 1;
  // By each worker:
  std::uint32_t held_packets = 4096;  // by reassembly
  std::uint32_t fragments = 4096;     // by incomplete datagrams
  std::uint32_t handed_over = 0;      // that other workers have sent it, at a time
};

// As many buffers as that takes, rounded up to 2^n - 1. When everybody holds as much as they may (descriptors of all
// queues, a burst and a full cache of each worker, and what it holds or is sent), a quarter is still free: pressure
// begins where something was not foreseen.
[[nodiscard]] std::uint32_t buffers_needed(const PoolDemand& demand);

// From what share of a pool is free now, and what was said before. Beginning at 25 % and 10 %; to be over, 30 % and
// 15 % must be free, so that it does not come and go with each burst.
[[nodiscard]] Pressure pressure_at(std::uint32_t free, std::uint32_t buffers, Pressure before) noexcept;

class Pool {
 public:
  // Packets longer than a buffer arrive in several and are copied into one of a few large buffers, which are part of
  // the pool. `exhausted` when there is not enough memory; it lies on another node than asked for, which is logged,
  // when only that has none.
  [[nodiscard]] static Result<std::unique_ptr<Pool>> create(const PoolOptions& options);

  ~Pool();  // after every port that uses it, and when every packet is released
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  [[nodiscard]] std::uint32_t buffers() const;  // in all, large ones not counted
  [[nodiscard]] std::uint32_t in_use() const;   // large ones included; walks every thread's cache: not once a packet
  // Those that every thread can have, and so not what lies in the threads' caches. Takes two loads, of memory that all
  // threads write to. Large ones not counted.
  [[nodiscard]] std::uint32_t free() const noexcept;

  [[nodiscard]] rte_mempool* packets() const { return packets_; }
  [[nodiscard]] rte_mempool* large() const { return large_; }  // room for longest_packet

  static constexpr std::uint32_t longest_packet = 65535 - 128;

 private:
  Pool(rte_mempool* packets, rte_mempool* large) : packets_(packets), large_(large) {}

  rte_mempool* packets_;
  rte_mempool* large_;
};

}  // namespace iris::source
