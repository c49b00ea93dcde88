// What became of one plan on one worker: how often each node was reached and each family looked up, and what that took
// in the occasions that are sampled (meter.hpp). Written by the worker, read by anyone. Counts go on over changes of
// the pipeline, since nodes and families keep their numbers.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "daemon/conn/counter.hpp"
#include "daemon/conn/meter.hpp"
#include "jit/abi/dispatch.hpp"
#include "jit/plan/plan.hpp"

namespace iris::conn {

class Tally {
 public:
  Tally() = default;
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;
  ~Tally() {
    for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
  }

  // The worker's, between bursts: for a plan of so many nodes.
  void make_room(std::size_t nodes) {
    for (std::size_t i = 0; i < chunks_.size() && i * chunk_size < nodes; ++i) {
      if (chunks_[i].load(std::memory_order_relaxed) == nullptr) {
        chunks_[i].store(new Chunk, std::memory_order_release);
      }
    }
  }
  // The worker's, between bursts: what was counted under these numbers was something else.
  void forget(std::span<const plan::NodeId> nodes, std::span<const std::uint32_t> families) noexcept {
    for (const plan::NodeId node : nodes) {
      if (node / chunk_size < chunks_.size()) {
        Chunk& chunk = *chunks_[node / chunk_size].load(std::memory_order_relaxed);
        std::atomic_ref(chunk.reached[node % chunk_size]).store(0, std::memory_order_relaxed);
        chunk.cycles[node % chunk_size].set(0);
      }
    }
    for (const std::uint32_t family : families) {
      std::atomic_ref(evaluations_[family]).store(0, std::memory_order_relaxed);
      std::atomic_ref(lookup_cycles_[family]).store(0, std::memory_order_relaxed);
    }
  }
  // The worker's. Nodes beyond the 16 million that there is room for are not counted.
  void reach(plan::NodeId node) noexcept {
    if (node / chunk_size >= chunks_.size()) return;
    const std::atomic_ref count(counter_of(node));
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  // The worker's, for generated code: how often the node was reached.
  [[nodiscard]] std::uint64_t& counter_of(plan::NodeId node) noexcept {
    if (node / chunk_size >= chunks_.size()) return beyond_;
    return chunks_[node / chunk_size].load(std::memory_order_relaxed)->reached[node % chunk_size];
  }
  // The worker's: the account of what progress at the node takes. nullptr of nodes beyond.
  [[nodiscard]] Counter* account_of(plan::NodeId node) noexcept {
    if (node / chunk_size >= chunks_.size()) return nullptr;
    return &chunks_[node / chunk_size].load(std::memory_order_relaxed)->cycles[node % chunk_size];
  }
  // The worker's, for generated code: by number of the family.
  [[nodiscard]] std::uint64_t* evaluations() noexcept { return evaluations_.get(); }
  // The worker's: begins to time look-ups.
  [[nodiscard]] abi::LookupClock lookup_clock(std::uint32_t weight) noexcept {
    return {.since = __builtin_readcyclecounter(), .cycles = lookup_cycles_.get(), .weight = weight};
  }

  [[nodiscard]] std::uint64_t reached(plan::NodeId node) const noexcept {
    Chunk* chunk = chunk_of(node);
    if (chunk == nullptr) return 0;
    return std::atomic_ref(chunk->reached[node % chunk_size]).load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t cycles(plan::NodeId node) const noexcept {
    const Chunk* chunk = chunk_of(node);
    return chunk == nullptr ? 0 : chunk->cycles[node % chunk_size].load();
  }
  [[nodiscard]] std::uint64_t evaluations(std::size_t family) const noexcept {
    return std::atomic_ref(evaluations_[family]).load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t lookup_cycles(std::size_t family) const noexcept {
    return std::atomic_ref(lookup_cycles_[family]).load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t chunk_size = 4096;
  struct Chunk {
    std::array<std::uint64_t, chunk_size> reached{};
    std::array<Counter, chunk_size> cycles;
  };

  [[nodiscard]] Chunk* chunk_of(plan::NodeId node) const noexcept {
    return node / chunk_size < chunks_.size() ? chunks_[node / chunk_size].load(std::memory_order_acquire) : nullptr;
  }

  std::array<std::atomic<Chunk*>, 4096> chunks_{};
  std::uint64_t beyond_ = 0;
  std::unique_ptr<std::uint64_t[]> evaluations_ = std::make_unique<std::uint64_t[]>(plan::max_families);
  std::unique_ptr<std::uint64_t[]> lookup_cycles_ = std::make_unique<std::uint64_t[]>(plan::max_families);
};

// Look-ups are done while it lives, for an event of which `facts` tell; what each takes is noted where it is sampled.
class LookingUp {
 public:
  LookingUp(Meter& meter, Tally& tally, abi::Facts& facts) noexcept : doing_(meter, Work::lookups) {
    if (!meter.is_on()) return;
    clock_ = tally.lookup_clock(meter.weight());
    facts.clock = &clock_;
  }

 private:
  Doing doing_;
  abi::LookupClock clock_;
};

}  // namespace iris::conn
