#include "daemon/publish/publisher.hpp"

#include <rte_errno.h>
#include <rte_rcu_qsbr.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

namespace iris::publish {
namespace {

// A grace period is usually over within one burst; where workers share this core it takes a scheduler's slice.
constexpr int yields_before_sleep = 16;
constexpr std::chrono::microseconds nap{20};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

}  // namespace

struct Publisher::Impl {
  // What one worker reads and writes; a cache line of its own.
  struct alignas(64) Slot {
    std::atomic<const conn::Pipeline*> current{nullptr};
    std::atomic<std::uint32_t> oldest_epoch{0};
  };

  explicit Impl(std::uint32_t workers) : slots(workers) {
    const std::size_t bytes = rte_rcu_qsbr_get_memsize(workers);
    const std::size_t rounded = (bytes + RTE_CACHE_LINE_SIZE - 1) / RTE_CACHE_LINE_SIZE * RTE_CACHE_LINE_SIZE;
    qsbr.reset(static_cast<rte_rcu_qsbr*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, rounded)));
    if (qsbr == nullptr || rte_rcu_qsbr_init(qsbr.get(), workers) != 0) throw std::bad_alloc();
    for (std::uint32_t worker = 0; worker < workers; ++worker) rte_rcu_qsbr_thread_register(qsbr.get(), worker);
  }

  std::unique_ptr<rte_rcu_qsbr, Free> qsbr;
  std::vector<Slot> slots;
  std::shared_ptr<const conn::Pipeline> live;
};

Publisher::Publisher(std::uint32_t workers) : impl_(std::make_unique<Impl>(workers)) {}
Publisher::~Publisher() = default;

void Publisher::publish(std::shared_ptr<const conn::Pipeline> pipeline) {
  for (auto& slot : impl_->slots) slot.current.store(pipeline.get(), std::memory_order_release);
  const std::uint64_t token = rte_rcu_qsbr_start(impl_->qsbr.get());
  for (int tries = 0; rte_rcu_qsbr_check(impl_->qsbr.get(), token, false) != 1; ++tries) {
    if (tries < yields_before_sleep) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(nap);
    }
  }
  impl_->live = std::move(pipeline);
}

std::uint32_t Publisher::oldest_epoch() const noexcept {
  std::uint32_t oldest = 0xffffffffU;
  for (const auto& slot : impl_->slots) oldest = std::min(oldest, slot.oldest_epoch.load(std::memory_order_acquire));
  return oldest;
}

void Publisher::online(std::uint32_t worker) noexcept { rte_rcu_qsbr_thread_online(impl_->qsbr.get(), worker); }
void Publisher::offline(std::uint32_t worker) noexcept { rte_rcu_qsbr_thread_offline(impl_->qsbr.get(), worker); }
void Publisher::quiescent(std::uint32_t worker) noexcept { rte_rcu_qsbr_quiescent(impl_->qsbr.get(), worker); }

const conn::Pipeline* Publisher::current(std::uint32_t worker) const noexcept {
  return impl_->slots[worker].current.load(std::memory_order_acquire);
}

void Publisher::report_oldest_epoch(std::uint32_t worker, std::uint32_t epoch) noexcept {
  impl_->slots[worker].oldest_epoch.store(epoch, std::memory_order_release);
}

}  // namespace iris::publish
