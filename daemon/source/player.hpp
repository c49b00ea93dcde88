// A capture played as if it were live: a thread of its own puts the file's packets into a ring at their pace, and the
// ring is a DPDK port, so that a worker receives them as from any NIC.
//
// Time is the time of playing. A frame that the capture cut short is played as short as it is.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "daemon/source/capture_file.hpp"
#include "daemon/source/port.hpp"

struct rte_mbuf;  // NOLINT(readability-identifier-naming): DPDK's
struct rte_ring;  // NOLINT(readability-identifier-naming): DPDK's

namespace iris::source {

struct PlayOptions {
  std::filesystem::path capture;
  bool loop = true;    // from the beginning again at its end
  double speed = 1.0;  // of the capture's own pace; 0: as fast as it is taken
  // Packets, a power of two. They lie in the pool's buffers, as those of a queue with as many descriptors do.
  std::uint32_t ring_size = 1024;
};

class Player {
 public:
  // Starts playing a capture of Ethernet; others are refused. Gaps of more than longest_gap are shortened to it. A full
  // ring, or an empty pool, makes the player wait: it loses nothing. `pool` outlives it.
  [[nodiscard]] static Result<std::unique_ptr<Player>> start(const PlayOptions& options, Pool& pool);

  // Stops playing and removes the port, when no thread receives from it any more. What lies in the ring is freed.
  ~Player();
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  // Stops playing; the port remains, and what lies in its ring can be received. At most a few milliseconds.
  void stop();

  [[nodiscard]] const Port& port() const { return *port_; }  // of one queue

  // From any thread:
  [[nodiscard]] bool finished() const { return finished_; }         // nothing more will be played
  [[nodiscard]] std::uint64_t played() const { return played_; }    // packets put into the ring
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }  // frames too long for any buffer, or empty
  [[nodiscard]] std::optional<Error> error() const;                 // the capture is damaged, or cannot be read again

  static constexpr Duration longest_gap{10'000'000'000};

 private:
  Player(PlayOptions options, Pool& pool) : options_(std::move(options)), pool_(&pool) {}
  [[nodiscard]] Result<void> create_port();
  void run(const std::stop_token& stop, CaptureFile file);
  [[nodiscard]] bool play_once(const std::stop_token& stop, CaptureFile file);
  [[nodiscard]] bool put(const std::stop_token& stop, const CapturedPacket& packet);
  void wait_for_its_time(const std::stop_token& stop, Timestamp ts);
  [[nodiscard]] rte_mbuf* allocate(const std::stop_token& stop);
  [[nodiscard]] rte_mbuf* fill(const std::stop_token& stop, const CapturedPacket& packet);
  void report(Error error);

  using Clock = std::chrono::steady_clock;
  void wait_until(const std::stop_token& stop, Clock::time_point time);

  const PlayOptions options_;
  Pool* pool_;
  rte_ring* ring_ = nullptr;
  std::unique_ptr<Port> port_;

  Clock::time_point due_;            // of the packet at hand
  std::optional<Timestamp> before_;  // timestamp of the packet before it

  std::atomic<bool> finished_ = false;
  std::atomic<std::uint64_t> played_ = 0;
  std::atomic<std::uint64_t> skipped_ = 0;
  mutable std::mutex mutex_;  // of error_ and for sleeping_
  std::condition_variable_any sleeping_;
  std::optional<Error> error_;
  std::jthread thread_;
};

}  // namespace iris::source
