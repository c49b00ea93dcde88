// How many connections are in which epoch: tells when nothing can refer to what an old pipeline knew.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace iris::conn {

class EpochCounts {
 public:
  void begin(std::uint32_t epoch) {
    current_ = epoch;
    if (counts_.empty() || counts_.back().epoch != epoch) counts_.push_back({epoch, 0});
    std::erase_if(counts_, [&](const Count& count) { return count.connections == 0 && count.epoch != epoch; });
  }
  void enter() { ++counts_.back().connections; }
  void leave(std::uint32_t epoch) {
    const auto found = std::ranges::lower_bound(counts_, epoch, {}, &Count::epoch);
    --found->connections;
  }
  [[nodiscard]] std::uint32_t oldest() const {
    for (const Count& count : counts_) {
      if (count.connections != 0) return count.epoch;
    }
    return current_;
  }

 private:
  struct Count {
    std::uint32_t epoch = 0;
    std::uint64_t connections = 0;
  };
  std::vector<Count> counts_;  // ascending by epoch; the last is the current one
  std::uint32_t current_ = 0;
};

}  // namespace iris::conn
