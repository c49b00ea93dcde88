// The connections of one worker: finds or begins the connection of each packet, drives it through its events, ends it,
// and brings it to each new pipeline. tracker.cpp is about packets and records; connection.cpp about what happens
// within one connection, in which order.
//
// Whether a connection exists, who originated it and when it ends depend on packets and limits alone, never on what
// subscriptions need.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <span>

#include "daemon/conn/arrival.hpp"
#include "daemon/conn/connection.hpp"
#include "daemon/conn/delivery.hpp"
#include "daemon/conn/epochs.hpp"
#include "daemon/conn/limits.hpp"
#include "daemon/conn/progress.hpp"
#include "daemon/conn/slab.hpp"
#include "daemon/conn/table.hpp"
#include "daemon/conn/wheel.hpp"

namespace iris::conn {

// Totals since the start. Written by the worker, read by anyone.
struct TrackerCounters {
  std::atomic<std::uint64_t> packets{0};
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> ended{0};
  std::atomic<std::uint64_t> table_full{0};  // packets whose connection found no room
};

// Used by its worker's thread only, but for counters().
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
  // At most max_burst packets, in order of arrival. The caller releases them afterwards.
  void process(std::span<const Arrival> burst) noexcept;
  // Ends what has been inactive for too long at `now`, in about `budget` steps. Returns whether that was all.
  bool expire(Timestamp now, std::uint64_t budget) noexcept;
  // Brings up to `budget` further connections to the current pipeline.
  void sweep(std::uint32_t budget, Timestamp now) noexcept;
  // Ends every connection.
  void finish(EndReason reason) noexcept;

  // The oldest epoch that a connection is still in, or the current one.
  [[nodiscard]] std::uint32_t oldest_epoch() const noexcept { return epochs_.oldest(); }
  [[nodiscard]] const TrackerCounters& counters() const noexcept { return counters_; }
  // Look-ups of each family of the current pipeline, since it was adopted.
  [[nodiscard]] std::span<const std::uint64_t> evaluations() const noexcept { return evaluations_; }

 private:
  // Where a packet of the burst at hand belongs.
  struct Lookup {
    Key key;
    ConnectionTable::Hash hash = 0;
    bool from_low = false;  // sent by the key's low end
  };
  // The connection at hand, and what is told of it.
  struct Visit {
    Record& record;
    Connection& connection;
    const source::PacketRef& packet;
    L4Pdu pdu;
    std::uint32_t wire_payload = 0;  // bytes of payload on the wire; at least pdu.payload
  };

  Tracker(const Parts& parts, ConnectionTable table, TimerWheel wheel, Mapping sequences);

  // tracker.cpp
  void prefetch_connection(const Lookup& lookup) noexcept;
  void handle(const Arrival& arrival, const Lookup& lookup) noexcept;
  [[nodiscard]] Record* current(const Lookup& lookup, Timestamp ts) noexcept;
  [[nodiscard]] Record* begin(const Arrival& arrival, const Lookup& lookup) noexcept;
  void bury(Record& record, EndReason reason, Timestamp when) noexcept;
  void end(Record& record, EndReason reason, Timestamp when) noexcept;
  void drop_connection(Record& record) noexcept;
  void bring_up(Record& record, Timestamp now) noexcept;
  [[nodiscard]] std::optional<Tick> due(std::uint32_t index, Tick tick) noexcept;
  [[nodiscard]] Duration timeout_of(const Record& record) const noexcept;
  [[nodiscard]] Timestamp expiry_of(const Record& record) noexcept;
  [[nodiscard]] Connection* connection_of(const Record& record) noexcept {
    return record.cold == no_index ? nullptr : static_cast<Connection*>(connections_.at(record.cold));
  }
  [[nodiscard]] TcpSequences& sequences_of(const Record& record) noexcept {
    return static_cast<TcpSequences*>(sequences_.data())[table_.index_of(record)];
  }

  // connection.cpp
  void open(Visit& visit) noexcept;
  void drive(Visit& visit, bool opened, bool handshake_completed) noexcept;
  void note(Visit& visit) noexcept;
  void reassemble(Visit& visit) noexcept;
  [[nodiscard]] bool take_piece(Record& record, Connection& connection, const L4Pdu& piece) noexcept;
  void parse(Record& record, Connection& connection, const L4Pdu& piece) noexcept;
  void take_sessions(Record& record, Connection& connection, parsers::Status status, Timestamp ts) noexcept;
  void decide_protocol(Record& record, Connection& connection, std::uint32_t protocol, Timestamp ts) noexcept;
  void close(Record& record, Connection& connection, EndReason reason, Timestamp when) noexcept;
  void adopt(Record& record, Connection& connection, Timestamp now) noexcept;
  void settle(Record& record, Connection& connection) noexcept;
  void store_frontier(Connection& connection) noexcept;
  [[nodiscard]] std::uint8_t needs_of(const Connection& connection) const noexcept;
  [[nodiscard]] std::span<const plan::PredicateId> evaluate(abi::Evaluate function, abi::Facts facts) noexcept;

  const Limits limits_;
  const std::uint32_t worker_;
  BlockCache blocks_;
  BlockPool arena_blocks_;
  HoldPool hold_pool_;
  ConnectionTable table_;
  Slab connections_;   // of Connection
  Mapping sequences_;  // a TcpSequences a record: needed even where nobody needs the connection
  TimerWheel wheel_;
  Delivery delivery_;
  Progress progress_;  // through pipeline_'s plan
  EpochCounts epochs_;
  const Pipeline* pipeline_ = nullptr;
  Clock clock_{Timestamp{}};  // its base is the first packet
  bool clock_set_ = false;
  std::uint32_t sweep_next_ = 0;  // index of the next record to bring up; at the table's limit: all are
  std::vector<plan::PredicateId> truths_;
  std::vector<std::uint64_t> evaluations_;
  std::array<Lookup, max_burst> lookups_;
  TrackerCounters counters_;
};

}  // namespace iris::conn
