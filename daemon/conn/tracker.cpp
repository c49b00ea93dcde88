#include "daemon/conn/tracker.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "parsers/packet/tcp_options.hpp"

namespace iris::conn {
namespace {

// Of the queue of half-open connections: more are found as any others.
constexpr std::uint32_t most_half_open = 1U << 20;
// How far, in ticks, packets may be ahead of the timers, so that ticks remain comparable: six days.
constexpr std::uint64_t longest_lag = 1U << 29;

// A burst goes through its steps in groups of so many packets.
constexpr std::size_t step = 8;

// For the packets of a group; those before the first and after the last have none.
template <class Work>
void for_group(std::size_t group, std::size_t count, Work&& work) {
  if (group >= max_burst / step + 1) return;
  for (std::size_t i = group * step; i < std::min((group + 1) * step, count); ++i) work(i);
}

plan::PacketFilter::Ends ends_of(const parsers::packet::Decoded& decoded) {
  return {decoded.src_port, decoded.dst_port, decoded.src_ip, decoded.dst_ip, decoded.version};
}

plan::PacketFilter::Ends ends_of(const Key& key) {
  return {key.low_port, key.high_port, key.low_ip, key.high_ip, key.version};
}

// A SYN of its own: the connection begins.
bool is_first(const parsers::packet::Decoded& decoded) {
  return (decoded.flags & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::syn;
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

// But for the options.
TcpHeader tcp_header_of(const parsers::packet::Decoded& decoded, Direction direction) {
  TcpHeader header;
  header.sequence = decoded.sequence;
  header.acknowledgement = decoded.acknowledgement;
  header.payload_length = decoded.wire_payload_length;
  header.flags = decoded.flags;
  header.direction = direction;
  header.window = decoded.window;
  return header;
}

TcpHeader tcp_header_of(const Arrival& arrival, Direction direction) {
  const parsers::packet::Decoded& decoded = arrival.decoded;
  TcpHeader header = tcp_header_of(decoded, direction);
  if ((decoded.flags & tcp_flag::syn) != 0) [[unlikely]] {
    const auto options = parsers::packet::tcp_options_of(arrival.packet.bytes().subspan(decoded.transport_offset));
    header.mss = options.mss.value_or(0);
    header.window_scale = options.window_scale.value_or(TcpHeader::no_scale);
  }
  return header;
}

Direction direction_of(const Record& record, bool from_low) {
  return record.originator_is_low() == from_low ? Direction::FromOriginator : Direction::FromResponder;
}

}  // namespace

Result<std::unique_ptr<Tracker>> Tracker::create(const Parts& parts) {
  const Limits& limits = parts.limits;
  auto table = ConnectionTable::create({limits.capacity, parts.seed, limits.prefault});
  if (!table) return std::unexpected(table.error());
  auto wheel = TimerWheel::create({.capacity = limits.capacity, .prefault = limits.prefault});
  if (!wheel) return std::unexpected(wheel.error());
  auto half_open = HalfOpenQueue::create(std::min(limits.capacity, most_half_open), limits.prefault);
  if (!half_open) return std::unexpected(half_open.error());
  auto realms = Realms::create({limits.vlan_in_key, limits.tunnel_in_key});
  if (!realms) return std::unexpected(realms.error());
  auto pools = create_pools(limits);
  if (!pools) return std::unexpected(pools.error());
  return std::unique_ptr<Tracker>(new Tracker(
      parts, {std::move(*table), std::move(*wheel), std::move(*half_open), std::move(*realms)}, std::move(*pools)));
}

// Of what only connections that somebody wants take.
Result<Tracker::Pools> Tracker::create_pools(const Limits& limits) {
  const auto slab = [&](std::size_t bytes, std::size_t alignment) {
    return Slab::create({.object_bytes = static_cast<std::uint32_t>(bytes),
                         .alignment = static_cast<std::uint32_t>(alignment),
                         .capacity = limits.capacity,
                         .prefault = limits.prefault});
  };
  auto connections = slab(sizeof(Connection), alignof(Connection));
  if (!connections) return std::unexpected(connections.error());
  auto contents = slab(sizeof(Content), alignof(Content));
  if (!contents) return std::unexpected(contents.error());
  auto arenas = BlockPool::create(
      {.total_bytes = limits.parsers_bytes, .arena_bytes = limits.parser_bytes, .prefault = limits.prefault});
  if (!arenas) return std::unexpected(arenas.error());
  auto blocks = BlockCache::create({.bytes = limits.state_bytes, .prefault = limits.prefault});
  if (!blocks) return std::unexpected(blocks.error());
  return Pools{std::move(*connections), std::move(*contents), std::move(*arenas), std::move(*blocks)};
}

Tracker::Tracker(const Parts& parts, Tables tables, Pools pools)
    : limits_(parts.limits),
      timeouts_{to_ticks(limits_.tcp_establish), to_ticks(limits_.tcp_inactivity), to_ticks(limits_.tcp_linger),
                to_ticks(limits_.udp_inactivity)},
      holder_(parts.holder),
      sink_(parts.sink),
      blocks_(std::move(pools.blocks)),
      arena_blocks_(std::move(pools.arenas)),
      hold_pool_(parts.limits.reassembly, parts.holder, parts.limits.prefault),
      table_(std::move(tables.connections)),
      connections_(std::move(pools.connections)),
      contents_(std::move(pools.contents)),
      wheel_(std::move(tables.wheel)),
      half_open_(std::move(tables.half_open)),
      realms_(std::move(tables.realms)),
      filters_(parts.limits.tcp_inactivity),
      user_code_(blocks_, parts.sink, meter_),
      delivery_(user_code_, blocks_),
      verdicts_(user_code_, blocks_),
      packet_events_(parts.worker, parts.sink, meter_),
      progress_(&meter_),
      evaluator_(parts.worker, meter_, progress_.tally()) {}

Tracker::~Tracker() = default;

// Of what every connection costs: its record, its place in the table, and in the timers.
MemoryUse Tracker::table_use() const noexcept {
  MemoryUse use = table_.use();
  const std::uint64_t timers = wheel_.memory_bytes() + half_open_.memory_bytes();
  use.reserved += timers;
  use.used += table_.size() * (timers / table_.capacity());
  return use;
}

void Tracker::adopt(const Pipeline& pipeline) noexcept {
  filters_.use(pipeline.plan->packet_filter, pipeline.epoch, clock_set_ ? std::optional(last_time_) : std::nullopt);
  pipeline_ = &pipeline;
  wanted_ = pipeline.plan->nodes[plan::root].oldest_birth <= pipeline.epoch;
  delivery_.use(pipeline);
  verdicts_.use(pipeline);
  packet_events_.use(pipeline);
  progress_.use(*pipeline.plan, pipeline.straight.get());
  evaluator_.use(pipeline);
  epochs_.begin(pipeline.epoch);
  meter_.renew();
  waiting_.resize(pipeline.plan->nodes.size());
  sweep_next_ = 0;
}

void Tracker::begin_time(Timestamp start) noexcept {
  clock_ = Clock(start);
  clock_set_ = true;
}

// A packet's bucket, its record, what somebody needs of it, and what that refers to, are fetched ahead one after
// another.
void Tracker::process(std::span<const Arrival> burst) noexcept {
  if (burst.empty()) return;
  if (!clock_set_) begin_time(burst.front().packet.ts);
  const source::Pressure pressure = holder_.pressure();
  hold_pool_.set_pressure(pressure);
  user_code_.set_degraded(pressure == source::Pressure::critical);
  // Each step is a few packets behind the one before, so that what it asked for has come, and other packets' work goes
  // on meanwhile. (Whole passes over the burst ask for more at once than a core can wait for.)
  const std::size_t count = choose(burst);
  const auto arrival = [&](std::size_t i) -> const Arrival& { return burst[chosen_[i]]; };
  for (std::size_t group = 0; group * step < count + 4 * step; ++group) {
    for_group(group, count, [&](std::size_t i) { look_up(arrival(i), lookups_[i]); });
    for_group(group - 1, count, [&](std::size_t i) { lookups_[i].record = table_.prefetch_record(lookups_[i].hash); });
    for_group(group - 2, count, [&](std::size_t i) { prefetch_connection(lookups_[i]); });
    if (wanted_) for_group(group - 3, count, [&](std::size_t i) { prefetch_observed(lookups_[i]); });
    for_group(group - 4, count, [&](std::size_t i) {
      const Occurring occurring(meter_);
      handle(arrival(i), lookups_[i]);
    });
  }
  last_time_ = burst.back().packet.ts;
  counters_.packets.add(burst.size());
}

// What the packet filter lets pass.
std::size_t Tracker::choose(std::span<const Arrival> burst) noexcept {
  const plan::PacketFilter& filter = filters_.current();
  std::size_t count = 0;
  for (std::size_t i = 0; i < burst.size(); ++i) {
    const parsers::packet::Decoded& decoded = burst[i].decoded;
    if (decoded.transport == Transport::Tcp && !filter.passes(ends_of(decoded))) continue;
    chosen_[count++] = static_cast<std::uint8_t>(i);
  }
  if (count != burst.size()) counters_.filtered.add(burst.size() - count);
  return count;
}

void Tracker::look_up(const Arrival& arrival, Lookup& lookup) noexcept {
  lookup.from_low = source_is_low(arrival.decoded);
  write_key(arrival.decoded, lookup.from_low, lookup.key);
  lookup.key.realm = realms_.of(arrival.decoded);
  lookup.hash = table_.hash(lookup.key);
  table_.prefetch_bucket(lookup.hash);
}

// The record is in the cache by now: fetches what it refers to.
void Tracker::prefetch_connection(Lookup& lookup) noexcept {
  if (lookup.record == nullptr || lookup.record->key != lookup.key) {
    lookup.record = table_.find(lookup.key, lookup.hash);
    if (lookup.record == nullptr) return;
  }
  lookup.generation = lookup.record->generation;
  if (lookup.record->cold != no_index) connection_of(*lookup.record)->prefetch(lookup.record->needs);
}

void Tracker::prefetch_observed(const Lookup& lookup) noexcept {
  const Record* record = lookup.record;
  if (record == nullptr || (record->needs & need::track) == 0 || !lookup.is_valid()) return;
  connection_of(*record)->observed.prefetch();
}

// The connection that the packet belongs to, if it has begun: one that had expired before is ended first, at the time
// when it did.
Record* Tracker::current(Lookup& lookup, Timestamp ts) noexcept {
  // Packets before it in the burst may have begun or ended connections.
  Record* record = lookup.record;
  if (record == nullptr || !lookup.is_valid()) {
    record = table_.find(lookup.key, lookup.hash);
  }
  if (record == nullptr) return nullptr;
  const auto now = static_cast<Tick>(clock_.ticks_at(ts));
  if (expired(*record, now, timeout_of(*record))) {
    end(*record, reason_of(*record), expiry_of(*record));
    return nullptr;
  }
  if (record->epoch != pipeline_->epoch) bring_up(*record, ts);
  if ((record->flags & record_flag::holding) != 0) (void)wait_on(*record, ts);
  return record;
}

// Never fails: a full table gives up another connection.
Record* Tracker::begin(const Arrival& arrival, const Lookup& lookup) noexcept {
  Record* record = table_.insert(lookup.key, lookup.hash);
  if (record == nullptr) {
    evict();
    record = table_.insert(lookup.key, lookup.hash);
  }
  record->birth = record->epoch = pipeline_->epoch;
  const bool tcp = lookup.key.transport == Transport::Tcp;
  if (tcp && !is_first(arrival.decoded)) {
    record->birth = filters_.birth(ends_of(arrival.decoded), arrival.packet.ts);
    if (record->birth != record->epoch) record->flags |= record_flag::left_out;
  }
  if (lookup.from_low) record->flags |= record_flag::originator_is_low;
  record->last_seen = static_cast<Tick>(clock_.ticks_at(arrival.packet.ts));
  epochs_.enter();
  counters_.begun.add(1);
  const std::uint32_t index = table_.index_of(*record);
  wheel_.schedule(index, record->timer, deadline(*record, tcp ? timeouts_.establish : timeouts_.udp));
  if (tcp) half_open_.push({index, record->generation});
  if (!wanted_) return record;
  record->cold = connections_.allocate();
  if (record->cold == no_index) {
    counters_.unobserved.add(1);
    return record;
  }
  auto* connection = new (connections_.at(record->cold)) Connection;
  connection->first_packet = arrival.number;
  connection->record.tuple = tuple_of(arrival.decoded);
  connection->record.start = connection->record.last = arrival.packet.ts;
  return record;
}

// A segment for the connection's state, which may begin another connection in its place.
TcpChange Tracker::advance_tcp(Record*& record, const Arrival& arrival, const Lookup& lookup, TcpHeader& header,
                               bool& opened) noexcept {
  header = tcp_header_of(arrival, direction_of(*record, lookup.from_low));
  // Its end may have been left out: then a SYN tells.
  const bool anew = (record->flags & record_flag::left_out) != 0 && is_first(arrival.decoded);
  TcpChange change;
  if (!anew) change = advance(record->tcp, record->sequences, header);
  if (anew || change.reopened) {
    end(*record, reason_of(*record), arrival.packet.ts);
    record = begin(arrival, lookup);
    opened = true;
    header.direction = Direction::FromOriginator;
    change = advance(record->tcp, record->sequences, header);
  }
  if (change.turned) {
    turn_round(*record);
    header.direction = Direction::FromResponder;
  }
  if (change.stray_reset) counters_.stray_resets.add(1);
  note_opening(*record, change);
  return change;
}

// The first packet was the responder's.
void Tracker::turn_round(Record& record) noexcept {
  record.flags ^= record_flag::originator_is_low;
  if (Connection* connection = connection_of(record)) {
    std::swap(connection->record.tuple.originator, connection->record.tuple.responder);
    connection->history.note_turned(connection->record);
  }
}

void Tracker::note_opening(Record& record, const TcpChange& change) noexcept {
  if (change.midstream) record.flags |= record_flag::midstream;
  // The SYN came late.
  if (change.handshake_completed && saw_opening(record.sequences)) {
    record.flags &= static_cast<std::uint8_t>(~record_flag::midstream);
    if (Connection* connection = connection_of(record)) connection->record.midstream = false;
  }
}

// The most frequent packet, dealt with at once: it changes nothing but what is kept of every packet, in a connection
// that nobody needs. Returns false, having done nothing, where it is another.
bool Tracker::pass_by(const parsers::packet::Decoded& decoded, const Lookup& lookup, Tick now) noexcept {
  Record* const record = lookup.record;
  if (record == nullptr || record->cold != no_index || !lookup.is_valid() || record->epoch != pipeline_->epoch) {
    return false;
  }
  if (decoded.transport == Transport::Udp) {
    if (expired(*record, now, timeouts_.udp)) return false;
  } else {
    if (record->tcp.phase != TcpPhase::established || is_special(decoded.flags)) return false;
    if (expired(*record, now, timeouts_.inactivity)) return false;
    tcp::follow(record->sequences, tcp_header_of(decoded, direction_of(*record, lookup.from_low)));
  }
  record->last_seen = now;
  return true;
}

void Tracker::handle(const Arrival& arrival, Lookup& lookup) noexcept {
  const source::PacketRef& packet = arrival.packet;
  const parsers::packet::Decoded& decoded = arrival.decoded;
  const std::uint64_t now = clock_.ticks_at(packet.ts);
  if (now > wheel_.position() + longest_lag) [[unlikely]] {
    while (!expire(packet.ts, std::numeric_limits<std::uint64_t>::max())) {
    }
  }
  last_packet_ = arrival.number;
  if (pass_by(decoded, lookup, static_cast<Tick>(now))) return;
  sink_.position = abi::Position::at(arrival.number, abi::Position::Phase::connection);
  Record* record = current(lookup, packet.ts);
  bool opened = record == nullptr;
  if (opened) {
    const bool midstream = decoded.transport == Transport::Tcp && (decoded.flags & tcp_flag::syn) == 0;
    if (midstream && limits_.midstream == Midstream::ignore) return counters_.midstream_ignored.add(1);
    record = begin(arrival, lookup);
  }
  TcpHeader header;
  TcpChange change;
  if (decoded.transport == Transport::Tcp) change = advance_tcp(record, arrival, lookup, header, opened);
  record->last_seen = static_cast<Tick>(now);
  Connection* connection = connection_of(*record);
  if (connection != nullptr) {
    Visit visit{*record, *connection, arrival, header, pdu_of(packet, decoded, direction_of(*record, lookup.from_low))};
    drive(visit, opened, change.handshake_completed);
  }
  if (change.closed != TcpClose::none) {
    if (connection != nullptr) wind_up(*record, *connection, packet.ts);
    wheel_.schedule(table_.index_of(*record), record->timer, deadline(*record, timeouts_.linger));
  }
  if (connection != nullptr && record->needs == 0) drop_connection(*record);
}

Tick Tracker::timeout_of(const Record& record) const noexcept {
  if (record.key.transport == Transport::Udp) return timeouts_.udp;
  if (record.tcp.closed()) return timeouts_.linger;
  return record.tcp.phase == TcpPhase::opening ? timeouts_.establish : timeouts_.inactivity;
}

void Tracker::bring_up(Record& record, Timestamp now) noexcept {
  if (record.epoch == pipeline_->epoch) return;
  const bool tcp = record.key.transport == Transport::Tcp;
  if (tcp && filters_.left_out_since(ends_of(record.key), record.epoch)) record.flags |= record_flag::left_out;
  epochs_.leave(record.epoch);
  record.epoch = pipeline_->epoch;
  epochs_.enter();
  Connection* connection = connection_of(record);
  if (connection == nullptr) return;
  adopt(record, *connection, now);
  if (record.needs == 0) drop_connection(record);
}

void Tracker::sweep(std::uint32_t budget, Timestamp now) noexcept {
  const std::uint32_t limit = table_.limit();
  for (; sweep_next_ < limit && budget > 0; ++sweep_next_, --budget) {
    if (Record& record = table_.at(sweep_next_); record.in_use()) {
      const Occurring occurring(meter_);
      bring_up(record, now);
    }
  }
}

}  // namespace iris::conn
