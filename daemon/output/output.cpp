#include "daemon/output/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>

#include "daemon/output/decoder.hpp"
#include "daemon/output/layout.hpp"
#include "daemon/output/text.hpp"

namespace iris::output {
namespace {

using namespace std::chrono_literals;

// Workers do not wake the output's thread, which would cost them a system call: it looks this often when idle. The
// smallest ring lasts that long at 100 MB/s of events.
constexpr auto idle_wait = 2ms;
constexpr auto stop_patience = 2s;
constexpr std::size_t smallest_ring = std::size_t{256} << 10;
constexpr std::size_t batch_bytes = std::size_t{256} << 10;

// Threads inherit the mask: what is sent to the process stays with the threads that expect it. Faults are not blocked.
class WithoutSignals {
 public:
  WithoutSignals() {
    sigset_t all;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  WithoutSignals(const WithoutSignals&) = delete;
  WithoutSignals& operator=(const WithoutSignals&) = delete;
  ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Output::Output(const OutputOptions& options) : options_(options) {
  kept_.resize(options.workers);
  for (std::size_t i = 0; i < options.workers; ++i) {
    std::function<void()> make_room;
    if (options.mode == Mode::synchronous) make_room = [this] { drain(); };
    if (options.mode == Mode::ordered) make_room = [this, i] { workers_[i]->move_to(kept_[i].waiting); };
    workers_.push_back(
        std::make_unique<WorkerOutput>(i, std::max(options.ring_bytes, smallest_ring), table_, make_room));
  }
}

Output::~Output() { stop(); }

void Output::add_sink(std::unique_ptr<Sink> sink) { sinks_.push_back(std::move(sink)); }

void Output::start() {
  assert(options_.mode == Mode::live && !thread_.joinable());
  const WithoutSignals guard;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    run(stop);
    finished_.set_value();
  });
}

void Output::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    if (finished_.get_future().wait_for(stop_patience) != std::future_status::ready) {
      for (const auto& sink : sinks_) sink->cancel();
    }
    thread_.join();
  }
  drain();
  if (options_.mode == Mode::ordered) {
    gather();
    drain();
  }
  const std::scoped_lock lock(mutex_);
  stopped_ = true;
  for (const auto& [id, channel] : channels_) end_tails(*channel, TailEnd::stopped);
}

void Output::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (drain() != 0) continue;
    std::unique_lock lock(wake_mutex_);
    wake_.wait_for(lock, stop, idle_wait, [] { return false; });
  }
  drain();
}

Result<void> Output::register_subscription(std::uint32_t id, std::string name,
                                           std::shared_ptr<const std::vector<abi::Row>> rows) {
  if (id >= ChannelTable::limit) {
    return fail(ErrorCode::exhausted, fmt::format("{} subscriptions were added since irisd started, which is as many "
                                                  "as the output can number: restart irisd",
                                                  ChannelTable::limit));
  }
  for (const abi::Row& row : *rows) {
    if (auto result = check_layout(row); !result) return result;
  }
  auto channel = std::make_unique<Channel>(id, std::move(name), std::move(rows), workers_.size());
  const std::scoped_lock lock(mutex_);
  assert(!channels_.contains(id));
  table_.put(id, channel.get());
  channels_[id] = std::move(channel);
  return {};
}

void Output::retire(std::uint32_t id) {
  const std::scoped_lock lock(mutex_);
  const auto it = channels_.find(id);
  if (it == channels_.end()) return;
  table_.put(id, nullptr);
  Retiring retiring{std::move(it->second), {}};
  channels_.erase(it);
  for (const auto& worker : workers_) retiring.marks.push_back(worker->ring().produced());
  retiring_.push_back(std::move(retiring));
}

std::optional<Counters> Output::counters(std::uint32_t id) const {
  const std::scoped_lock lock(mutex_);
  const auto it = channels_.find(id);
  if (it == channels_.end()) return std::nullopt;
  const Channel& channel = *it->second;
  Counters counters{channel.emitted.load(std::memory_order_relaxed), channel.unwritten.load(std::memory_order_relaxed)};
  for (const auto& refused : channel.refused) counters.dropped += refused.value.load(std::memory_order_relaxed);
  return counters;
}

Result<std::shared_ptr<Tail>> Output::tail(std::uint32_t id) {
  const std::scoped_lock lock(mutex_);
  if (stopped_) return fail(ErrorCode::unavailable, "irisd is stopping");
  const auto it = channels_.find(id);
  if (it == channels_.end()) return fail(ErrorCode::not_found, fmt::format("no subscription has the number {}", id));
  auto tail = std::make_shared<Tail>();
  it->second->tails.push_back(tail);
  it->second->tailed.store(true, std::memory_order_relaxed);
  return tail;
}

std::optional<Error> Output::failure() const {
  for (const auto& sink : sinks_) {
    if (auto failure = sink->failure()) return failure;
  }
  return std::nullopt;
}

std::size_t Output::drain() {
  const std::scoped_lock lock(drain_mutex_);
  if (options_.mode == Mode::ordered) return drain_gathered();
  std::size_t events = 0;
  for (const auto& worker : workers_) events += drain_ring(worker->ring());
  deliver();
  free_retired();
  return events;
}

void Output::gather() {
  const std::scoped_lock lock(drain_mutex_);
  assert(options_.mode == Mode::ordered && order_.empty());
  for (std::uint32_t i = 0; i < workers_.size(); ++i) {
    Kept& kept = kept_[i];
    workers_[i]->move_to(kept.waiting);
    std::swap(kept.waiting, kept.gathered);
    for (std::uint32_t index = 0; index < kept.gathered.size(); ++index) {
      RecordHeader header;
      std::memcpy(&header, kept.gathered[index].data(), sizeof header);
      order_.push_back({header.position, i, index});
    }
  }
  std::ranges::sort(order_);
}

// What is retired stays: events that refer to it may be waiting.
std::size_t Output::drain_gathered() {
  for (const Place& place : order_) {
    append(kept_[place.worker].gathered[place.index]);
    if (batch_.text.size() >= batch_bytes) deliver();
  }
  deliver();
  const std::size_t events = order_.size();
  order_.clear();
  for (Kept& kept : kept_) kept.gathered.clear();
  return events;
}

// Up to where the ring was filled at the beginning: a worker that is faster than its sink must not keep the others
// waiting.
std::size_t Output::drain_ring(Ring& ring) {
  const std::uint64_t end = ring.produced();
  std::size_t events = 0;
  for (; ring.consumed() < end; ++events) {
    const auto record = ring.front();
    if (!record) break;
    append(*record);
    ring.pop();
    if (batch_.text.size() >= batch_bytes) deliver();
  }
  return events;
}

void Output::append(std::span<const std::byte> record) {
  RecordHeader header;
  std::memcpy(&header, record.data(), sizeof header);
  Channel& channel = *header.channel;
  if (sinks_.empty() && !channel.tailed.load(std::memory_order_relaxed)) {
    channel.emitted.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const abi::Row& row = channel.rows()[header.row_index];
  auto data = decode(row.layout, record.subspan(sizeof header));
  assert(data && "the ring holds what encode wrote");
  nlohmann::ordered_json event{{"ts", to_text(header.ts)}, {"subscription", channel.name}, {"record", row.name}};
  if (header.degraded) event["degraded"] = true;
  event["data"] = std::move(data).value_or(nullptr);
  append_line(batch_.text, event);
  batch_.text += '\n';
  batch_.ends.push_back(batch_.text.size());
  batch_channels_.push_back(&channel);
}

void Output::deliver() {
  if (batch_channels_.empty()) return;
  std::size_t taken = batch_channels_.size();
  for (const auto& sink : sinks_) taken = std::min(taken, sink->write(batch_));
  for (std::size_t i = 0; i < batch_channels_.size(); ++i) {
    Channel& channel = *batch_channels_[i];
    (i < taken ? channel.emitted : channel.unwritten).fetch_add(1, std::memory_order_relaxed);
  }
  deliver_to_tails();
  batch_.text.clear();
  batch_.ends.clear();
  batch_channels_.clear();
}

void Output::deliver_to_tails() {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < batch_channels_.size(); ++i) {
    auto& tails = batch_channels_[i]->tails;
    std::erase_if(tails, [&](const std::weak_ptr<Tail>& weak) {
      const auto tail = weak.lock();
      if (tail) tail->push(batch_.line(i));
      return !tail;
    });
    if (tails.empty()) batch_channels_[i]->tailed.store(false, std::memory_order_relaxed);
  }
}

// Only here, where no batch refers to a channel and nobody else reads a ring.
void Output::free_retired() {
  const std::scoped_lock lock(mutex_);
  std::erase_if(retiring_, [&](Retiring& retiring) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      if (workers_[i]->ring().consumed() < retiring.marks[i]) return false;
    }
    end_tails(*retiring.channel, TailEnd::removed);
    return true;
  });
}

void Output::end_tails(Channel& channel, TailEnd reason) {
  for (const auto& weak : channel.tails) {
    if (const auto tail = weak.lock()) tail->end(reason);
  }
}

}  // namespace iris::output
