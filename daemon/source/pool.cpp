#include "daemon/source/pool.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <string>

#include "daemon/source/eal_log.hpp"

namespace iris::source {
namespace {

constexpr std::uint32_t cache_size = 256;  // of each thread
constexpr std::uint32_t burst_size = 64;   // in a worker's hands
constexpr std::uint32_t smallest = 8191;
constexpr std::uint32_t large_buffers = 127;
static_assert(any_node == SOCKET_ID_ANY);
static_assert(Pool::longest_packet + RTE_PKTMBUF_HEADROOM == UINT16_MAX);

rte_mempool* create_mempool(std::uint32_t buffers, std::uint32_t packet_size, int node) {
  static std::atomic<unsigned> next = 0;
  const std::string name = fmt::format("iris-pool-{}", next++);
  const std::uint32_t cache = std::min(cache_size, buffers / 2);
  const auto room = static_cast<std::uint16_t>(packet_size + RTE_PKTMBUF_HEADROOM);
  return rte_pktmbuf_pool_create(name.c_str(), buffers, cache, 0, room, node);
}

struct Mempools {
  rte_mempool* packets = nullptr;
  rte_mempool* large = nullptr;  // nullptr: there are none, and rte_errno says why
};

Mempools create_mempools(const PoolOptions& options, int node) {
  Mempools pools;
  pools.packets = create_mempool(options.buffers, options.buffer_size, node);
  if (pools.packets != nullptr) pools.large = create_mempool(large_buffers, Pool::longest_packet, node);
  if (pools.large == nullptr) {
    const int reason = rte_errno;
    rte_mempool_free(pools.packets);
    rte_errno = reason;
  }
  return pools;
}

}  // namespace

std::uint32_t buffers_needed(const PoolDemand& demand) {
  // A thread's cache grows to one and a half times its size before it gives buffers back.
  const std::uint64_t each_worker =
      burst_size + cache_size * 3 / 2 + std::uint64_t{demand.held_packets} + demand.fragments + demand.handed_over;
  const std::uint64_t held = std::uint64_t{demand.queues} * demand.rx_descriptors + demand.workers * each_worker;
  const std::uint64_t with_quarter_free = held + held / 3 + 1;
  const std::uint64_t most = (std::uint64_t{1} << 31) - 1;
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(std::bit_ceil(with_quarter_free + 1) - 1, smallest, most));
}

Pressure pressure_at(std::uint32_t free, std::uint32_t buffers, Pressure before) noexcept {
  const auto below = [&](std::uint64_t percent) { return std::uint64_t{free} * 100 < percent * buffers; };
  if (below(10) || (before == Pressure::critical && below(15))) return Pressure::critical;
  if (below(25) || (before != Pressure::none && below(30))) return Pressure::low;
  return Pressure::none;
}

Result<std::unique_ptr<Pool>> Pool::create(const PoolOptions& options) {
  const EalLogCapture log;
  Mempools pools = create_mempools(options, options.node);
  if (pools.large == nullptr && options.node != any_node) {
    pools = create_mempools(options, any_node);
    if (pools.large != nullptr) {
      spdlog::warn(
          "DPDK has no memory for packet buffers on NUMA node {}: they lie on another, which is slower; "
          "give it some (--socket-mem in eal.arguments)",
          options.node);
    }
  }
  if (pools.large != nullptr) return std::unique_ptr<Pool>(new Pool(pools.packets, pools.large));

  // Which of the two it is depends on how memory is fragmented.
  const bool no_memory = rte_errno == ENOMEM || rte_errno == ENOBUFS;
  const std::string reason = no_memory ? "there is not enough memory" : rte_strerror(rte_errno);
  const std::uint64_t bytes =
      std::uint64_t{options.buffers} * (sizeof(rte_mbuf) + RTE_PKTMBUF_HEADROOM + options.buffer_size) +
      std::uint64_t{large_buffers} * UINT16_MAX;
  return fail(ErrorCode::exhausted,
              fmt::format("the {} packet buffers of {} bytes ({} MB) could not be allocated: {}; give DPDK more memory "
                          "(-m or --socket-mem in eal.arguments), or lower mempool.buffers",
                          options.buffers, options.buffer_size, (bytes >> 20) + 1, reason));
}

Pool::~Pool() {
  rte_mempool_free(packets_);
  rte_mempool_free(large_);
}

std::uint32_t Pool::buffers() const { return packets_->size; }

// rte_mempool_avail_count without the caches.
std::uint32_t Pool::free() const noexcept { return rte_mempool_get_ops(packets_->ops_index)->get_count(packets_); }

std::uint32_t Pool::in_use() const { return rte_mempool_in_use_count(packets_) + rte_mempool_in_use_count(large_); }

}  // namespace iris::source
