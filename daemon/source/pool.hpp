// The buffers that received packets lie in (DPDK mempools). A pool that runs empty loses packets, so its size counts
// all who may hold some: queues, caches, and reassembly.
#pragma once

#include <cstdint>
#include <memory>

#include "jit/abi/result.hpp"

struct rte_mempool;  // NOLINT(readability-identifier-naming): DPDK's

namespace iris::source {

struct PoolOptions {
  std::uint32_t buffers = 16383;     // 2^n - 1 uses memory best
  std::uint16_t buffer_size = 2048;  // bytes of a packet in one buffer
};

// What a pool serves.
struct PoolDemand {
  std::uint32_t queues = 1;  // of all ports together
  std::uint32_t rx_descriptors = 1024;
  std::uint32_t workers = 1;
  std::uint32_t held_packets = 4096;  // by each worker, in reassembly
  std::uint32_t handed_over = 0;      // to each worker by others, at a time
};

// As many buffers as that takes, rounded up to 2^n - 1.
[[nodiscard]] std::uint32_t buffers_needed(const PoolDemand& demand);

class Pool {
 public:
  // Packets longer than a buffer arrive in several and are copied into one of a few large buffers, which are part of
  // the pool. `exhausted` when there is not enough memory.
  [[nodiscard]] static Result<std::unique_ptr<Pool>> create(const PoolOptions& options);

  ~Pool();  // after every port that uses it, and when every packet is released
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  [[nodiscard]] std::uint32_t buffers() const;  // in all, large ones not counted
  [[nodiscard]] std::uint32_t in_use() const;   // large ones included; walks every thread's cache: not once a packet

  [[nodiscard]] rte_mempool* packets() const { return packets_; }
  [[nodiscard]] rte_mempool* large() const { return large_; }  // room for longest_packet

  static constexpr std::uint32_t longest_packet = 65535 - 128;

 private:
  Pool(rte_mempool* packets, rte_mempool* large) : packets_(packets), large_(large) {}

  rte_mempool* packets_;
  rte_mempool* large_;
};

}  // namespace iris::source
