// The connections of one worker: finds or begins the connection of each packet, drives it through its events, ends it,
// and brings it to each new pipeline. tracker.cpp is about packets and records; connection.cpp about what happens
// within one connection, in which order.
//
// Whether a connection exists, who originated it and when it ends depend on packets and limits alone, never on what
// subscriptions need.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "daemon/conn/arrival.hpp"
#include "daemon/conn/block_cache.hpp"
#include "daemon/conn/connection.hpp"
#include "daemon/conn/counter.hpp"
#include "daemon/conn/delivery.hpp"
#include "daemon/conn/epochs.hpp"
#include "daemon/conn/filter_history.hpp"
#include "daemon/conn/half_open.hpp"
#include "daemon/conn/limits.hpp"
#include "daemon/conn/meter.hpp"
#include "daemon/conn/packet_events.hpp"
#include "daemon/conn/progress.hpp"
#include "daemon/conn/realms.hpp"
#include "daemon/conn/slab.hpp"
#include "daemon/conn/table.hpp"
#include "daemon/conn/verdicts.hpp"
#include "daemon/conn/wheel.hpp"

namespace iris::conn {

// Totals since the start. Written by the worker, read by anyone. At any time begun = ended + live.
struct TrackerCounters {
  Counter packets;
  Counter begun;
  Counter ended;               // evicted ones included
  Counter evicted_half_open;   // for want of room: their SYN was all that was seen
  Counter evicted;             // for want of room: others
  Counter filtered;            // packets of TCP connections that nobody could want, and that are not tracked
  Counter midstream_ignored;   // packets of TCP connections that Midstream::ignore leaves out
  Counter stray_resets;        // RSTs that no receiver would accept
  Counter inconsistent_bytes;  // of streams: repeated with another content
  Counter unobserved;          // connections that found no memory to be shown to anybody
};

// What a worker's connections take of what was reserved for them.
struct TrackerMemory {
  MemoryUse table;   // records and the way to them
  MemoryUse cold;    // cold parts
  MemoryUse arenas;  // of parsers
  MemoryUse blocks;  // user state and long lists
  MemoryUse copies;  // of segments that came early and could not be held as packets
};

// Used by its worker's thread only, but for counters() and memory(). Takes its memory at creation, as its limits say.
class Tracker {
 public:
  struct Parts {
    Limits limits;
    std::uint32_t worker = 0;  // from 0
    std::uint64_t seed = 0;    // of the table's hash
    source::PacketHolder& holder;
    abi::EmitSink& sink;
  };

  // Fails when memory for the capacity is not to be had.
  [[nodiscard]] static Result<std::unique_ptr<Tracker>> create(const Parts& parts);
  ~Tracker();  // finish() was called

  // Before the first burst, and between bursts. `pipeline` stays valid until the next one is adopted.
  void adopt(const Pipeline& pipeline) noexcept;
  // Before the first burst, for several trackers that are to agree on the time: when it begins. Otherwise it does with
  // the first packet.
  void begin_time(Timestamp start) noexcept;
  // At most max_burst packets, in order of arrival. The caller releases them afterwards.
  void process(std::span<const Arrival> burst) noexcept;
  // All packets up to this Arrival::number have been handed out, to whichever worker: what happens without a packet
  // comes after them (abi::Position).
  void pass(std::uint64_t number) noexcept { last_packet_ = number; }
  // Ends what has been inactive for too long at `now`, in about `budget` steps. Returns whether that was all.
  bool expire(Timestamp now, std::uint64_t budget) noexcept;
  // Brings up to `budget` further connections to the current pipeline.
  void sweep(std::uint32_t budget, Timestamp now) noexcept;
  // Ends every connection.
  void finish(EndReason reason) noexcept;

  // What delivers packets by themselves, of the pipeline that was adopted last. Connections have no part in it.
  [[nodiscard]] PacketEvents& packet_events() noexcept { return packet_events_; }
  [[nodiscard]] const PacketEvents& packet_events() const noexcept { return packet_events_; }

  // The oldest epoch that a connection is still in, or the current one.
  [[nodiscard]] std::uint32_t oldest_epoch() const noexcept { return epochs_.oldest(); }
  // Connections at present. Thread: any.
  [[nodiscard]] std::uint32_t live() const noexcept { return table_.size(); }
  [[nodiscard]] const TrackerCounters& counters() const noexcept { return counters_; }
  // Of reassembly. Thread: any.
  [[nodiscard]] const HoldCounters& held() const noexcept { return hold_pool_.counters(); }
  [[nodiscard]] TrackerMemory memory() const noexcept {
    return {table_use(), connections_.use() + contents_.use(), arena_blocks_.use(), blocks_.use(), hold_pool_.use()};
  }
  // What became of the plan of connections; where the time goes. Thread: any.
  [[nodiscard]] const Tally& tally() const noexcept { return progress_.tally(); }
  [[nodiscard]] const Meter& meter() const noexcept { return meter_; }

 private:
  // Where a packet of the burst at hand belongs.
  struct Lookup {
    Key key;
    ConnectionTable::Hash hash = 0;
    Record* record = nullptr;      // what was found before the burst's first packet was handled
    std::uint16_t generation = 0;  // of the record, then
    bool from_low = false;         // sent by the key's low end

    // Packets before it in the burst may have ended the connection, and begun another.
    [[nodiscard]] bool is_valid() const { return record->in_use() && record->generation == generation; }
  };
  // The worker's tables, sized by Limits::capacity.
  struct Tables {
    ConnectionTable connections;
    TimerWheel wheel;
    HalfOpenQueue half_open;
    Realms realms;
  };
  // What connections take that somebody wants something of.
  struct Pools {
    Slab connections;
    Slab contents;
    BlockPool arenas;
    BlockCache blocks;
  };
  // Timeouts in ticks.
  struct Timeouts {
    Tick establish, inactivity, linger, udp;
  };
  // How often a node is pending in the connection at hand.
  struct Waiting {
    bool itself = false;
    std::uint8_t sessions = 0;  // in so many

    [[nodiscard]] bool any() const { return itself || sessions != 0; }
    void count(const void* session) {
      if (session == nullptr) {
        itself = true;
      } else {
        ++sessions;
      }
    }
  };
  struct Timed;  // what the wheel asks
  // The connection at hand, and what is told of it.
  struct Visit {
    Record& record;
    Connection& connection;
    const Arrival& arrival;
    const TcpHeader& tcp;  // means something of TCP only
    L4Pdu pdu;
  };

  [[nodiscard]] MemoryUse table_use() const noexcept;
  [[nodiscard]] static Result<Pools> create_pools(const Limits& limits);
  Tracker(const Parts& parts, Tables tables, Pools pools);

  // tracker.cpp
  [[nodiscard]] std::size_t choose(std::span<const Arrival> burst) noexcept;
  void look_up(const Arrival& arrival, Lookup& lookup) noexcept;
  void prefetch_connection(Lookup& lookup) noexcept;
  void prefetch_observed(const Lookup& lookup) noexcept;
  [[nodiscard]] bool pass_by(const parsers::packet::Decoded& decoded, const Lookup& lookup, Tick now) noexcept;
  void handle(const Arrival& arrival, Lookup& lookup) noexcept;
  [[nodiscard]] Record* current(Lookup& lookup, Timestamp ts) noexcept;
  [[nodiscard]] Record* begin(const Arrival& arrival, const Lookup& lookup) noexcept;
  [[nodiscard]] TcpChange advance_tcp(Record*& record, const Arrival& arrival, const Lookup& lookup, TcpHeader& header,
                                      bool& opened) noexcept;
  void turn_round(Record& record) noexcept;
  void note_opening(Record& record, const TcpChange& change) noexcept;
  void bring_up(Record& record, Timestamp now) noexcept;
  // eviction.cpp
  void evict() noexcept;
  [[nodiscard]] Record* oldest_half_open() noexcept;
  [[nodiscard]] Record& least_missed() noexcept;
  // lifetime.cpp
  [[nodiscard]] static EndReason reason_of(const Record& record) noexcept;
  void end(Record& record, EndReason reason, Timestamp when) noexcept;
  void drop_connection(Record& record) noexcept;
  void drop_content(Connection& connection) noexcept;
  void approach_end(const Record& record) noexcept;
  [[nodiscard]] std::optional<Tick> due(std::uint32_t index, Tick tick) noexcept;
  std::optional<Tick> wait_on(Record& record, Timestamp now) noexcept;
  [[nodiscard]] Tick timeout_of(const Record& record) const noexcept;
  [[nodiscard]] Timestamp expiry_of(const Record& record) noexcept;
  [[nodiscard]] Connection* connection_of(const Record& record) noexcept {
    return record.cold == no_index ? nullptr : static_cast<Connection*>(connections_.at(record.cold));
  }

  [[nodiscard]] Content* content_of(const Connection& connection) noexcept {
    return connection.content == no_index ? nullptr : static_cast<Content*>(contents_.at(connection.content));
  }

  // connection.cpp
  [[nodiscard]] Content* make_content(Connection& connection) noexcept;
  void open(Visit& visit) noexcept;
  void drive(Visit& visit, bool opened, bool handshake_completed) noexcept;
  void reassemble(Visit& visit) noexcept;
  [[nodiscard]] bool take_piece(Record& record, Connection& connection, const L4Pdu& piece) noexcept;
  void parse(Record& record, Connection& connection, Content& content, const L4Pdu& piece) noexcept;
  void note_waiting(Record& record, Connection& connection) noexcept;
  [[nodiscard]] std::optional<Tick> gap_deadline(Connection& connection) noexcept;
  [[nodiscard]] Timestamp deadline_of(const Reassembler& stream) const noexcept;
  [[nodiscard]] Reassembler* longest_waiting(Content& content) const noexcept;
  void declare_gaps(Record& record, Timestamp now) noexcept;
  void begin_session(Record& record, Connection& connection, const Occasion& occasion) noexcept;
  void end_session(Record& record, Connection& connection, const Occasion& occasion) noexcept;
  parsers::Status take_sessions(Record& record, Connection& connection, parsers::Status status, Timestamp ts) noexcept;
  void decide_protocol(Record& record, Connection& connection, const Layer7& layer7, Timestamp ts) noexcept;
  void decide_protocol(Record& record, Connection& connection, std::uint32_t protocol, Timestamp ts) noexcept;
  void wind_up(Record& record, Connection& connection, Timestamp when) noexcept;
  void close(Record& record, Connection& connection, EndReason reason, Timestamp when) noexcept;
  void adopt(Record& record, Connection& connection, Timestamp now) noexcept;
  void settle(Record& record, Connection& connection) noexcept;
  void store_frontier(Connection& connection) noexcept;
  void extend_frontier(Connection& connection) noexcept;
  void keep_pending(Connection& connection, Pending at) noexcept;
  void keep_pending_session(Connection& connection, const void* session) noexcept;
  [[nodiscard]] bool tells_of(plan::NodeId node, std::uint32_t protocol) const noexcept;
  void wait(Connection& connection, const Pending& pending) noexcept;
  void count_waiting(const Connection& connection, std::uint16_t protocol) noexcept;
  void forget_waiting(const Connection& connection) noexcept;
  static void forget_told(Undecided& undecided) noexcept;
  bool watch(Record& record, Connection& connection, const Occasion& occasion) noexcept;
  bool give_up_hope(const Record& record, Connection& connection) noexcept;
  void ask(Record& record, Connection& connection, const Occasion& occasion, bool answered = false) noexcept;
  void happen(Record& record, Connection& connection, const Occasion& occasion) noexcept;
  [[nodiscard]] bool holds_session(const Connection& connection, const void* session) const noexcept;
  void begin_progress(const Record& record, const Connection& connection,
                      const parsers::packet::Headers* headers) noexcept;
  [[nodiscard]] static Standing standing(const Record& record, const Connection& connection) noexcept {
    return {connection.frontier.view(), &connection.record, record.birth, connection.verdicts()};
  }
  [[nodiscard]] Wants wants_of(const Connection& connection) const noexcept;
  [[nodiscard]] ObserverMemory observer_memory() noexcept { return {blocks_, arena_blocks_}; }
  void stand_after_packets(const Record& record, std::uint64_t tick) noexcept;

  const Limits limits_;
  const Timeouts timeouts_;
  source::PacketHolder& holder_;
  abi::EmitSink& sink_;
  BlockCache blocks_;
  BlockPool arena_blocks_;
  HoldPool hold_pool_;
  ConnectionTable table_;
  Slab connections_;  // of Connection
  Slab contents_;     // of Content
  TimerWheel wheel_;
  HalfOpenQueue half_open_;
  Realms realms_;
  FilterHistory filters_;
  Meter meter_;
  UserCode user_code_;
  Delivery delivery_;
  Verdicts verdicts_;
  PacketEvents packet_events_;
  Progress progress_;  // through pipeline_'s plan
  Evaluator evaluator_;
  EpochCounts epochs_;
  std::uint64_t last_packet_ = 0;  // Arrival::number
  Timestamp last_time_;            // of the last burst's last packet
  const Pipeline* pipeline_ = nullptr;
  Clock clock_{Timestamp{}};  // its base is the first packet
  bool clock_set_ = false;
  bool wanted_ = false;                           // somebody may want a connection that begins now
  std::uint32_t evict_next_ = 0;                  // where the search for a connection to evict goes on
  std::uint32_t sweep_next_ = 0;                  // index of the next record to bring up; at the table's limit: all are
  std::vector<Waiting> waiting_;                  // by node; zero but between count_waiting and forget_waiting
  std::array<std::uint8_t, max_burst> chosen_{};  // of the burst at hand: places of what the packet filter let pass
  std::array<Lookup, max_burst> lookups_;         // as chosen_
  TrackerCounters counters_;
};

}  // namespace iris::conn
