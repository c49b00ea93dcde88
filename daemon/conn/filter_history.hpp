// The packet filter that a worker runs, and those that it ran lately. A TCP connection that appears without its SYN may
// have begun when nobody could want it, and its packets went by: it is as old as the latest filter that left it out,
// for as long as it could have been kept in the table since.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <iris/time.hpp>

#include "jit/plan/packet_filter.hpp"

namespace iris::conn {

class FilterHistory {
 public:
  // `timeout`: after so much silence a connection would be another.
  explicit FilterHistory(Duration timeout) : timeout_(timeout) { past_.reserve(most + 1); }

  // From the epoch on. `last`: of the last packet that saw the one before; nullopt: none has. Between bursts.
  void use(std::shared_ptr<const plan::PacketFilter> filter, std::uint32_t epoch,
           std::optional<Timestamp> last) noexcept;
  [[nodiscard]] const plan::PacketFilter& current() const noexcept { return *current_; }

  // The latest epoch in which the connection may have begun that appears at `now`.
  [[nodiscard]] std::uint32_t birth(const plan::PacketFilter::Ends& ends, Timestamp now) const noexcept;
  // Whether packets of a connection that was last looked at in the epoch may have been left out since.
  [[nodiscard]] bool left_out_since(const plan::PacketFilter::Ends& ends, std::uint32_t epoch) const noexcept;

 private:
  struct Past {
    plan::PacketFilter filter;
    std::uint32_t epoch = 0;  // the last in which it ran; of several, the first did
    std::uint32_t last = 0;   // in which any of them ran
    Timestamp ended;
  };
  // Older ones are taken together.
  static constexpr std::size_t most = 8;

  void keep(const plan::PacketFilter& filter, Timestamp ended) noexcept;

  const Duration timeout_;
  std::shared_ptr<const plan::PacketFilter> current_;
  std::uint32_t epoch_ = 0;
  std::vector<Past> past_;  // the oldest first
};

}  // namespace iris::conn
