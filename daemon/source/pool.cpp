#include "daemon/source/pool.hpp"

#include <fmt/format.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

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
static_assert(Pool::longest_packet + RTE_PKTMBUF_HEADROOM == UINT16_MAX);

rte_mempool* create_mempool(std::uint32_t buffers, std::uint32_t packet_size) {
  static std::atomic<unsigned> next = 0;
  const std::string name = fmt::format("iris-pool-{}", next++);
  const std::uint32_t cache = std::min(cache_size, buffers / 2);
  const auto room = static_cast<std::uint16_t>(packet_size + RTE_PKTMBUF_HEADROOM);
  return rte_pktmbuf_pool_create(name.c_str(), buffers, cache, 0, room, SOCKET_ID_ANY);
}

}  // namespace

std::uint32_t buffers_needed(const PoolDemand& demand) {
  // A thread's cache grows to one and a half times its size before it gives buffers back.
  const std::uint64_t each_worker =
      burst_size + cache_size * 3 / 2 + std::uint64_t{demand.held_packets} + demand.handed_over;
  const std::uint64_t sum = std::uint64_t{demand.queues} * demand.rx_descriptors + demand.workers * each_worker;
  const std::uint64_t most = (std::uint64_t{1} << 31) - 1;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(std::bit_ceil(sum + 1) - 1, smallest, most));
}

Result<std::unique_ptr<Pool>> Pool::create(const PoolOptions& options) {
  const EalLogCapture log;
  rte_mempool* packets = create_mempool(options.buffers, options.buffer_size);
  rte_mempool* large = packets == nullptr ? nullptr : create_mempool(large_buffers, longest_packet);
  if (large != nullptr) return std::unique_ptr<Pool>(new Pool(packets, large));

  // Which of the two it is depends on how memory is fragmented.
  const bool no_memory = rte_errno == ENOMEM || rte_errno == ENOBUFS;
  const std::string reason = no_memory ? "there is not enough memory" : rte_strerror(rte_errno);
  rte_mempool_free(packets);
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

std::uint32_t Pool::in_use() const { return rte_mempool_in_use_count(packets_) + rte_mempool_in_use_count(large_); }

}  // namespace iris::source
