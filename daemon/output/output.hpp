// From iris::emit to lines of JSON: one ring a worker, drained by one thread, formatted, and handed to sinks and tails.
//
//   {"ts":"2024-02-29T23:59:59.000000001Z","subscription":"log_tls","record":"Tls","data":{…}}
//
// A line has "degraded":true before "data" where packets' contents were being given up for want of memory when it was
// emitted: what it says of a stream may lack data. Otherwise it has no such member.
//
// The order of a worker's events is kept; between workers there is none, but for Mode::ordered.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/output/channel.hpp"
#include "daemon/output/sink.hpp"
#include "daemon/output/tail.hpp"
#include "daemon/output/worker_output.hpp"
#include "jit/abi/host_api.hpp"
#include "jit/abi/result.hpp"
#include "jit/abi/row.hpp"

namespace iris::output {

enum class Mode : std::uint8_t {
  live,         // a full ring loses events and counts them; a thread of its own drains (`start`)
  synchronous,  // a worker whose ring is full drains all rings itself, and waits for the sinks: nothing is lost
  ordered,      // events are kept until `gather`, and delivered in order of abi::Position: nothing is lost
};

struct OutputOptions {
  std::size_t workers = 1;
  std::size_t ring_bytes = std::size_t{4} << 20;  // a worker's; at least 256 KiB
  Mode mode = Mode::live;
};

struct Counters {
  std::uint64_t emitted = 0;  // reached the sinks
  std::uint64_t dropped = 0;  // full ring, event too large, or refused by a sink
  bool operator==(const Counters&) const = default;
};

// Thread: any, except where said.
class Output {
 public:
  explicit Output(const OutputOptions& options);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();

  // Before `start` and before the first event.
  void add_sink(std::unique_ptr<Sink> sink);

  // Mode::live: drains from now on. Signals sent to the process are not taken by this thread.
  void start();
  // Drains what the rings hold, ends all tails, and waits for both. A sink that does not take its lines within two
  // seconds is cancelled. Workers have stopped emitting. Idempotent.
  void stop();

  // For the worker of this index, on its thread. Valid as long as the output.
  [[nodiscard]] abi::EmitSink& worker(std::size_t index) { return *workers_[index]; }

  // Before the subscription's code can run. `id` is the one that CurrentCall carries, not registered now, and below
  // ChannelTable::limit; rows are numbered by their place. Fails with `invalid` for a layout that cannot be.
  [[nodiscard]] Result<void> register_subscription(std::uint32_t id, std::string name,
                                                   std::shared_ptr<const std::vector<abi::Row>> rows);
  [[nodiscard]] Result<void> register_subscription(std::uint32_t id, std::string name, std::vector<abi::Row> rows) {
    return register_subscription(id, std::move(name), std::make_shared<const std::vector<abi::Row>>(std::move(rows)));
  }
  // After the subscription's code has run for the last time on every worker. Events still in rings are delivered;
  // then its tails end and what was known of it is freed. `id` may be registered anew at once.
  void retire(std::uint32_t id);
  // nullopt when it is not registered.
  [[nodiscard]] std::optional<Counters> counters(std::uint32_t id) const;

  // The subscription's events from now on, for as long as the result lives. Fails with `not_found`, and with
  // `unavailable` after `stop`.
  [[nodiscard]] Result<std::shared_ptr<Tail>> tail(std::uint32_t id);

  // Delivers what was emitted before this call (Mode::ordered: before the last gather); returns how many events. In
  // Mode::live the output's thread does it.
  std::size_t drain();
  // Mode::ordered, while no worker emits: takes what they have emitted. Of events at the same position, those of a
  // worker remain in its order. What was gathered before has been drained.
  void gather();

  // The first sink's that does not write at present.
  [[nodiscard]] std::optional<Error> failure() const;

 private:
  // What one worker has emitted (Mode::ordered).
  struct Kept {
    Records waiting;   // the worker's: did not fit into its ring
    Records gathered;  // the drain's
  };
  // Of a gathered event.
  struct Place {
    abi::Position position;
    std::uint32_t worker = 0;
    std::uint32_t index = 0;
    auto operator<=>(const Place&) const = default;
  };
  // Freed when every ring is consumed up to its mark.
  struct Retiring {
    std::unique_ptr<Channel> channel;
    std::vector<std::uint64_t> marks;
  };

  void run(const std::stop_token& stop);
  std::size_t drain_ring(Ring& ring);
  std::size_t drain_gathered();
  void append(std::span<const std::byte> record);
  void deliver();
  void deliver_to_tails();
  void free_retired();
  void end_tails(Channel& channel, TailEnd reason);

  const OutputOptions options_;
  ChannelTable table_;
  std::vector<std::unique_ptr<WorkerOutput>> workers_;
  std::vector<std::unique_ptr<Sink>> sinks_;

  std::mutex drain_mutex_;    // the consumer's end of all rings, the batch, and writing to sinks
  std::vector<Kept> kept_;    // of each worker
  std::vector<Place> order_;  // of what is gathered
  Batch batch_;
  std::vector<Channel*> batch_channels_;  // of each line

  mutable std::mutex mutex_;  // taken after drain_mutex_
  std::map<std::uint32_t, std::unique_ptr<Channel>> channels_;
  std::vector<Retiring> retiring_;
  bool stopped_ = false;

  std::mutex wake_mutex_;
  std::condition_variable_any wake_;
  std::promise<void> finished_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace iris::output
