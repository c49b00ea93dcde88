#include "daemon/conn/tracker.hpp"

#include <cstring>
#include <new>

namespace iris::conn {
namespace {

void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) {
  // One writer: a load and a store, not an atomic addition.
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

bool source_is_low(const parsers::packet::Decoded& decoded) {
  const int order = std::memcmp(decoded.src_ip.data(), decoded.dst_ip.data(), decoded.src_ip.size());
  return order != 0 ? order < 0 : decoded.src_port <= decoded.dst_port;
}

Key key_of(const parsers::packet::Decoded& decoded, bool from_low) {
  Key key;
  key.low_ip = from_low ? decoded.src_ip : decoded.dst_ip;
  key.high_ip = from_low ? decoded.dst_ip : decoded.src_ip;
  key.low_port = from_low ? decoded.src_port : decoded.dst_port;
  key.high_port = from_low ? decoded.dst_port : decoded.src_port;
  key.transport = decoded.transport;
  key.version = decoded.version;
  return key;
}

FiveTuple tuple_of(const parsers::packet::Decoded& decoded) {
  FiveTuple tuple;
  tuple.originator = {{decoded.src_ip, decoded.version}, decoded.src_port};
  tuple.responder = {{decoded.dst_ip, decoded.version}, decoded.dst_port};
  tuple.transport = decoded.transport;
  return tuple;
}

L4Pdu pdu_of(const source::PacketRef& packet, const parsers::packet::Decoded& decoded, Direction direction) {
  L4Pdu pdu;
  pdu.payload = decoded.payload(packet.bytes());
  pdu.ts = packet.ts;
  pdu.wire_length = packet.wire_length;
  pdu.sequence = decoded.sequence;
  pdu.acknowledgement = decoded.acknowledgement;
  pdu.window = decoded.window;
  pdu.flags = decoded.flags;
  pdu.direction = direction;
  pdu.transport = decoded.transport;
  return pdu;
}

Direction direction_of(const Record& record, bool from_low) {
  return record.originator_is_low() == from_low ? Direction::FromOriginator : Direction::FromResponder;
}

}  // namespace

Result<std::unique_ptr<Tracker>> Tracker::create(const Parts& parts) {
  auto table = ConnectionTable::create({.capacity = parts.limits.capacity, .seed = parts.seed});
  if (!table) return std::unexpected(table.error());
  auto wheel =
      TimerWheel::create({.capacity = parts.limits.capacity, .horizon = to_ticks(parts.limits.tcp_inactivity)});
  if (!wheel) return std::unexpected(wheel.error());
  auto sequences = Mapping::create(std::size_t{parts.limits.capacity} * sizeof(TcpSequences), false);
  if (!sequences) return std::unexpected(sequences.error());
  return std::unique_ptr<Tracker>(new Tracker(parts, std::move(*table), std::move(*wheel), std::move(*sequences)));
}

Tracker::Tracker(const Parts& parts, ConnectionTable table, TimerWheel wheel, Mapping sequences)
    : limits_(parts.limits),
      worker_(parts.worker),
      hold_pool_(parts.limits.reassembly, parts.holder, parts.limits.prefault),
      table_(std::move(table)),
      connections_({.object_bytes = sizeof(Connection), .alignment = alignof(Connection)}),
      sequences_(std::move(sequences)),
      wheel_(std::move(wheel)),
      delivery_(blocks_, parts.sink) {}

Tracker::~Tracker() = default;

void Tracker::adopt(const Pipeline& pipeline) noexcept {
  pipeline_ = &pipeline;
  delivery_.use(pipeline);
  progress_.use(*pipeline.plan);
  epochs_.begin(pipeline.epoch);
  truths_.resize(pipeline.plan->predicates.size());
  evaluations_.assign(pipeline.families.size(), 0);
  sweep_next_ = 0;
}

void Tracker::process(std::span<const Arrival> burst) noexcept {
  if (burst.empty()) return;
  if (!clock_set_) clock_ = Clock(burst.front().packet.ts);
  clock_set_ = true;
  for (std::size_t i = 0; i < burst.size(); ++i) {
    Lookup& lookup = lookups_[i];
    lookup.from_low = source_is_low(burst[i].decoded);
    lookup.key = key_of(burst[i].decoded, lookup.from_low);
    lookup.hash = table_.hash(lookup.key);
    table_.prefetch_bucket(lookup.hash);
  }
  for (std::size_t i = 0; i < burst.size(); ++i) table_.prefetch_record(lookups_[i].hash);
  for (std::size_t i = 0; i < burst.size(); ++i) prefetch_connection(lookups_[i]);
  for (std::size_t i = 0; i < burst.size(); ++i) handle(burst[i], lookups_[i]);
  add(counters_.packets, burst.size());
}

// The record is in the cache by now: fetches what it refers to. It is looked up again when its turn comes, because
// packets before it in the burst may begin or end connections.
void Tracker::prefetch_connection(const Lookup& lookup) noexcept {
  const Record* record = table_.find(lookup.key, lookup.hash);
  if (record == nullptr) return;
  if (record->tcp.phase != TcpPhase::established) __builtin_prefetch(&sequences_of(*record));
  if (record->cold == no_index) return;
  const auto* bytes = reinterpret_cast<const char*>(connections_.at(record->cold));
  for (std::size_t line = 0; line < sizeof(Connection); line += 64) __builtin_prefetch(bytes + line);
}

// The connection that the packet belongs to, if it has begun: one that had expired before is ended first, at the time
// when it did.
Record* Tracker::current(const Lookup& lookup, Timestamp ts) noexcept {
  Record* record = table_.find(lookup.key, lookup.hash);
  if (record == nullptr) return nullptr;
  const auto now = static_cast<Tick>(clock_.ticks_at(ts));
  if (expired(*record, now, to_ticks(timeout_of(*record)))) {
    end(*record, EndReason::timeout, expiry_of(*record));
    return nullptr;
  }
  bring_up(*record, ts);
  return record;
}

Record* Tracker::begin(const Arrival& arrival, const Lookup& lookup) noexcept {
  const Timestamp ts = arrival.packet.ts;
  Record* record = table_.insert(lookup.key, lookup.hash);
  if (record == nullptr) {
    add(counters_.table_full, 1);
    return nullptr;
  }
  record->birth = record->epoch = pipeline_->epoch;
  if (lookup.from_low) record->flags |= record_flag::originator_is_low;
  record->last_seen = static_cast<Tick>(clock_.ticks_at(ts));
  sequences_of(*record) = {};
  epochs_.enter();
  add(counters_.begun, 1);
  wheel_.schedule(table_.index_of(*record), deadline(*record, to_ticks(limits_.tcp_establish)));
  if (pipeline_->plan->nodes[plan::root]->oldest_birth > record->birth) return record;  // nobody can want it
  record->cold = connections_.allocate();
  if (record->cold == no_index) return record;  // out of memory: accounted for, shown to nobody
  auto* connection = new (connections_.at(record->cold)) Connection(arena_blocks_);
  connection->record.tuple = tuple_of(arrival.decoded);
  connection->record.start = connection->record.last = ts;
  return record;
}

void Tracker::handle(const Arrival& arrival, const Lookup& lookup) noexcept {
  const source::PacketRef& packet = arrival.packet;
  const parsers::packet::Decoded& decoded = arrival.decoded;
  Record* record = current(lookup, packet.ts);
  bool opened = record == nullptr;
  if (opened) record = begin(arrival, lookup);
  if (record == nullptr) return;
  TcpChange change;
  if (decoded.transport == Transport::Tcp) {
    TcpHeader header{decoded.sequence, decoded.acknowledgement, decoded.wire_payload_length, decoded.flags,
                     direction_of(*record, lookup.from_low)};
    change = advance(record->tcp, sequences_of(*record), header);
    if (change.reopened) {
      end(*record, EndReason::fin, packet.ts);
      record = begin(arrival, lookup);
      if (record == nullptr) return;
      opened = true;
      header.direction = Direction::FromOriginator;
      change = advance(record->tcp, sequences_of(*record), header);
    }
    if (change.midstream) record->flags |= record_flag::midstream;
  }
  record->last_seen = static_cast<Tick>(clock_.ticks_at(packet.ts));
  if (Connection* connection = connection_of(*record)) {
    Visit visit{*record, *connection, packet, pdu_of(packet, decoded, direction_of(*record, lookup.from_low)),
                decoded.wire_payload_length};
    drive(visit, opened, change.handshake_completed);
    if (record->needs == 0) drop_connection(*record);
  }
  if (change.closed != TcpClose::none) {
    bury(*record, change.closed == TcpClose::fin ? EndReason::fin : EndReason::rst, packet.ts);
  }
}

Duration Tracker::timeout_of(const Record& record) const noexcept {
  if (record.key.transport == Transport::Udp) return limits_.udp_inactivity;
  if (record.tcp.closed()) return limits_.tcp_linger;
  return record.tcp.phase == TcpPhase::opening ? limits_.tcp_establish : limits_.tcp_inactivity;
}

Timestamp Tracker::expiry_of(const Record& record) noexcept {
  const Connection* connection = connection_of(record);
  return connection != nullptr ? connection->record.last + timeout_of(record) : Timestamp{};
}

// The connection is over; its record stays for a while, so that late packets of it begin no other.
void Tracker::bury(Record& record, EndReason reason, Timestamp when) noexcept {
  if (Connection* connection = connection_of(record)) close(record, *connection, reason, when);
  drop_connection(record);
  add(counters_.ended, 1);
  wheel_.schedule(table_.index_of(record), deadline(record, to_ticks(limits_.tcp_linger)));
}

void Tracker::end(Record& record, EndReason reason, Timestamp when) noexcept {
  if (!record.tcp.closed()) add(counters_.ended, 1);
  if (Connection* connection = connection_of(record)) close(record, *connection, reason, when);
  drop_connection(record);
  epochs_.leave(record.epoch);
  wheel_.cancel(table_.index_of(record));
  table_.erase(record);
}

void Tracker::drop_connection(Record& record) noexcept {
  Connection* connection = connection_of(record);
  if (connection == nullptr) return;
  for (Reassembler& stream : connection->streams) stream.release({hold_pool_, connection->held});
  connection->frontier.clear(blocks_);
  connection->active.clear(blocks_);
  connection->delivered.clear(blocks_);
  connection->~Connection();
  connections_.free(record.cold);
  record.cold = no_index;
  record.needs = 0;
}

void Tracker::bring_up(Record& record, Timestamp now) noexcept {
  if (record.epoch == pipeline_->epoch) return;
  epochs_.leave(record.epoch);
  record.epoch = pipeline_->epoch;
  epochs_.enter();
  Connection* connection = connection_of(record);
  if (connection == nullptr) return;
  adopt(record, *connection, now);
  if (record.needs == 0) drop_connection(record);
}

std::optional<Tick> Tracker::due(std::uint32_t index, Tick tick) noexcept {
  Record& record = table_.at(index);
  const Tick last = deadline(record, to_ticks(timeout_of(record)));
  if (before(tick, last)) return last;
  end(record, EndReason::timeout, expiry_of(record));
  return std::nullopt;
}

bool Tracker::expire(Timestamp now, std::uint64_t budget) noexcept {
  if (!clock_set_) return true;
  return wheel_.advance(clock_.ticks_at(now), budget,
                        [this](std::uint32_t index, Tick tick) { return due(index, tick); });
}

void Tracker::sweep(std::uint32_t budget, Timestamp now) noexcept {
  const std::uint32_t limit = table_.limit();
  for (; sweep_next_ < limit && budget > 0; ++sweep_next_, --budget) {
    if (Record& record = table_.at(sweep_next_); record.in_use()) bring_up(record, now);
  }
}

void Tracker::finish(EndReason reason) noexcept {
  for (std::uint32_t index = 0; index < table_.limit(); ++index) {
    Record& record = table_.at(index);
    if (!record.in_use()) continue;
    const Connection* connection = connection_of(record);
    const Timestamp last = connection != nullptr ? connection->record.last : Timestamp{};
    bring_up(record, last);
    end(record, reason, last);
  }
}

}  // namespace iris::conn
