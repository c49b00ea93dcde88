// What the output knows of one subscription, and how a worker finds it by number without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jit/abi/row.hpp"

namespace iris::output {

class Tail;

// Alive from registration until every ring has been drained past the last event that refers to it.
struct Channel {
  // A counter in a cache line of its own, because each worker counts on its own.
  struct alignas(64) Counter {
    std::atomic<std::uint64_t> value{0};
  };

  using Rows = std::shared_ptr<const std::vector<abi::Row>>;

  Channel(std::uint32_t number, std::string subscription, Rows layouts, std::size_t workers)
      : id(number), name(std::move(subscription)), shared_rows(std::move(layouts)), refused(workers) {}

  const std::uint32_t id;
  const std::string name;
  const Rows shared_rows;  // with other subscriptions to the same source
  [[nodiscard]] const std::vector<abi::Row>& rows() const { return *shared_rows; }

  std::vector<Counter> refused;           // by each worker: full ring, or event too large
  std::atomic<std::uint64_t> emitted{0};  // reached the sinks
  std::atomic<std::uint64_t> unwritten{0};
  std::atomic<bool> tailed{false};         // somebody has tailed it
  std::vector<std::weak_ptr<Tail>> tails;  // guarded by Output's mutex
};

// Numbers to channels. Two levels, so that it need not move as it grows. Writers take turns; readers are free.
class ChannelTable {
 public:
  static constexpr std::uint32_t limit = 4096U * 4096U;

  ChannelTable() = default;
  ChannelTable(const ChannelTable&) = delete;
  ChannelTable& operator=(const ChannelTable&) = delete;
  ~ChannelTable() {
    for (auto& page : pages_) delete page.load(std::memory_order_relaxed);
  }

  // `id` < limit; nullptr takes the entry away.
  void put(std::uint32_t id, Channel* channel) {
    auto& slot = pages_[id / page_size];
    Page* page = slot.load(std::memory_order_relaxed);
    if (page == nullptr) {
      page = new Page{};
      slot.store(page, std::memory_order_release);
    }
    (*page)[id % page_size].store(channel, std::memory_order_release);
  }

  [[nodiscard]] Channel* find(std::uint32_t id) const noexcept {
    if (id >= limit) return nullptr;
    const Page* page = pages_[id / page_size].load(std::memory_order_acquire);
    return page == nullptr ? nullptr : (*page)[id % page_size].load(std::memory_order_acquire);
  }

 private:
  static constexpr std::uint32_t page_size = 4096;
  using Page = std::array<std::atomic<Channel*>, page_size>;

  std::array<std::atomic<Page*>, limit / page_size> pages_{};
};

}  // namespace iris::output
