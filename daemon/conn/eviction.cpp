// Who is given up when the table is full: the oldest TCP connection of which only the opening was seen; without one, of
// a few records taken in turn, a closed one that lingers, else the one that has been silent for longest. New traffic is
// never turned away, and what is given up is counted and ends as anything else does.
#include "daemon/conn/tracker.hpp"

namespace iris::conn {
namespace {

constexpr std::uint32_t candidates = 32;

}  // namespace

Record* Tracker::oldest_half_open() noexcept {
  while (const auto entry = half_open_.pop()) {
    Record& record = table_.at(entry->index);
    if (record.in_use() && record.generation == entry->generation && record.tcp.phase == TcpPhase::opening) {
      return &record;
    }
  }
  return nullptr;
}

// The table is full: every record is in use.
Record& Tracker::least_missed() noexcept {
  Record* best = nullptr;
  for (std::uint32_t i = 0; i < candidates; ++i) {
    if (evict_next_ >= table_.limit()) evict_next_ = 0;
    Record& record = table_.at(evict_next_++);
    if (best == nullptr || (record.tcp.closed() && !best->tcp.closed()) ||
        (record.tcp.closed() == best->tcp.closed() && before(record.last_seen, best->last_seen))) {
      best = &record;
    }
  }
  return *best;
}

void Tracker::evict() noexcept {
  Record* record = oldest_half_open();
  (record != nullptr ? counters_.evicted_half_open : counters_.evicted).add(1);
  if (record == nullptr) record = &least_missed();
  const Connection* connection = connection_of(*record);
  end(*record, EndReason::evicted, connection != nullptr ? connection->record.last : Timestamp{});
}

}  // namespace iris::conn
