// When connections end, and what goes with them. The wheel says that a connection's time may have come; the record says
// whether it has.
#include <limits>

#include "daemon/conn/tracker.hpp"

namespace iris::conn {

EndReason Tracker::reason_of(const Record& record) noexcept {
  if (record.tcp.phase == TcpPhase::closed_rst) return EndReason::rst;
  return record.tcp.phase == TcpPhase::closed_fin ? EndReason::fin : EndReason::timeout;
}

// When a connection without further packets is over, to the nanosecond.
Timestamp Tracker::expiry_of(const Record& record) noexcept {
  const Connection* connection = connection_of(record);
  if (connection == nullptr) return {};
  const Timestamp last = connection->record.last;
  if (record.key.transport == Transport::Udp) return last + limits_.udp_inactivity;
  if (record.tcp.closed()) return last + limits_.tcp_linger;
  return last + (record.tcp.phase == TcpPhase::opening ? limits_.tcp_establish : limits_.tcp_inactivity);
}

void Tracker::end(Record& record, EndReason reason, Timestamp when) noexcept {
  if (Connection* connection = connection_of(record)) close(record, *connection, reason, when);
  drop_connection(record);
  epochs_.leave(record.epoch);
  counters_.ended.add(1);
  table_.erase(record);
}

void Tracker::drop_connection(Record& record) noexcept {
  Connection* connection = connection_of(record);
  if (connection == nullptr) return;
  drop_content(*connection);
  connection->frontier.clear(blocks_);
  verdicts_.end(*connection, connection->record.last);
  connection->forget_undecided(blocks_);
  connection->active.clear(blocks_);
  connection->delivered.clear(blocks_);
  forget(connection->observed, observer_memory());
  connection->~Connection();
  connections_.free(record.cold);
  record.cold = no_index;
  record.needs = 0;
}

void Tracker::drop_content(Connection& connection) noexcept {
  Content* content = content_of(connection);
  if (content == nullptr) return;
  for (Reassembler& stream : content->streams) stream.release({hold_pool_, content->held});
  content->kept.clear(blocks_);
  content->~Content();
  contents_.free(connection.content);
  connection.content = no_index;
}

struct Tracker::Timed {
  Tracker& tracker;

  [[nodiscard]] Timer& timer(std::uint32_t index) const { return tracker.table_.at(index).timer; }
  void prefetch(std::uint32_t index) const { __builtin_prefetch(&tracker.table_.at(index), 1); }
  void approach(std::uint32_t index) const { tracker.approach_end(tracker.table_.at(index)); }
  [[nodiscard]] std::optional<Tick> due(std::uint32_t index, Tick tick) const { return tracker.due(index, tick); }
};

// Its time has come, as far as the record says now: fetches what its end will touch.
void Tracker::approach_end(const Record& record) noexcept {
  const bool ends = record.in_use() && expired(record, static_cast<Tick>(wheel_.position()), timeout_of(record));
  if (!ends) return;
  table_.prefetch_bucket(table_.hash(record.key));
  if (const Connection* connection = connection_of(record)) connection->prefetch(record.needs);
}

std::optional<Tick> Tracker::due(std::uint32_t index, Tick tick) noexcept {
  Record& record = table_.at(index);
  if (!record.in_use()) return std::nullopt;
  const Occurring occurring(meter_);
  stand_after_packets(record, wheel_.position());
  const Tick last = deadline(record, timeout_of(record));
  if (before(tick, last)) {
    if ((record.flags & record_flag::holding) == 0) return last;
    const std::optional<Tick> gap = wait_on(record, clock_.time_at(wheel_.position()));
    if (record.needs == 0) drop_connection(record);
    return gap && before(*gap, last) ? *gap : last;
  }
  end(record, reason_of(record), expiry_of(record));
  return std::nullopt;
}

// Declares the gaps that are due in a connection with record_flag::holding. Returns when it is to be looked at again,
// if it still waits for missing bytes.
std::optional<Tick> Tracker::wait_on(Record& record, Timestamp now) noexcept {
  Connection* connection = connection_of(record);
  std::optional<Tick> next;
  if (connection != nullptr) {
    declare_gaps(record, now);
    next = gap_deadline(*connection);
  }
  if (!next) record.flags &= static_cast<std::uint8_t>(~record_flag::holding);
  return next;
}

// What is emitted next happens without a packet.
void Tracker::stand_after_packets(const Record& record, std::uint64_t tick) noexcept {
  const Connection* connection = connection_of(record);
  if (connection == nullptr) return;  // nobody is told of it
  sink_.position = abi::Position::at(last_packet_, abi::Position::Phase::afterwards);
  sink_.position.tick = tick;
  sink_.position.connection = connection->first_packet;
}

bool Tracker::expire(Timestamp now, std::uint64_t budget) noexcept {
  if (!clock_set_) return true;
  return wheel_.advance(clock_.ticks_at(now), budget, Timed{*this});
}

void Tracker::finish(EndReason reason) noexcept {
  for (std::uint32_t index = 0; index < table_.limit(); ++index) {
    Record& record = table_.at(index);
    if (!record.in_use()) continue;
    const Occurring occurring(meter_);
    const Connection* connection = connection_of(record);
    const Timestamp last = connection != nullptr ? connection->record.last : Timestamp{};
    stand_after_packets(record, std::numeric_limits<std::uint64_t>::max());
    bring_up(record, last);
    end(record, record.tcp.closed() ? reason_of(record) : reason, last);
  }
}

}  // namespace iris::conn
