// What can be asked of the running daemon, without saying how it is asked: the gRPC service and `irisd replay` both
// speak to this interface.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <iris/time.hpp>

#include "jit/abi/result.hpp"
#include "jit/compiler.hpp"

namespace iris::control {

struct Added {
  std::string name;
  std::uint32_t id = 0;
  std::uint32_t epoch = 0;  // from which it is live
  jit::Stages stages;       // in order; "publish" is the last
  double total_ms = 0;
  std::string warnings;  // diagnostics; may be empty
};

// One of many subscriptions to one source.
struct Narrowed {
  std::string name;
  std::string filter;
  std::string where;  // of the filter, for diagnostics: "hosts.txt:17"
};

struct AddedBatch {
  std::uint32_t epoch = 0;  // from which all are live
  jit::Stages stages;
  double total_ms = 0;
  std::string warnings;
};

struct CallbackInfo {
  std::string name;
  std::string filter;
  std::string event;          // "L7EndHdrs", or "match"
  std::uint64_t matched = 0;  // connections, sessions or packets for which the filter became true
  std::uint64_t calls = 0;
};

struct SubscriptionInfo {
  std::string name;
  std::uint32_t id = 0;
  std::uint32_t epoch = 0;
  std::string source_name;
  std::string source_text;  // show only
  Timestamp added;          // wall clock
  std::vector<CallbackInfo> callbacks;
  std::uint64_t emitted = 0;  // events that reached the output
  std::uint64_t dropped = 0;  // events lost because the output fell behind
};

struct PortInfo {
  std::string name;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t missed = 0;
};

// Of one worker. Totals since the start, but where said.

struct UndecodedInfo {
  std::uint64_t not_ip = 0;
  std::uint64_t other_transport = 0;  // neither TCP nor UDP
  std::uint64_t truncated = 0;        // the capture cut a header off
  std::uint64_t malformed = 0;
};

struct ConnectionsInfo {
  std::uint64_t begun = 0;
  std::uint64_t ended = 0;              // evicted ones included
  std::uint64_t live = 0;               // at present
  std::uint64_t evicted_half_open = 0;  // for want of room: their SYN was all that was seen
  std::uint64_t evicted = 0;            // for want of room: others
  std::uint64_t unobserved = 0;         // connections that found no memory to be shown to anybody
  std::uint64_t stray_resets = 0;       // RSTs that no receiver would accept
  std::uint64_t filtered = 0;           // packets of TCP connections that nobody can want, and that are not tracked
  std::uint64_t midstream_ignored =
      0;  // packets of TCP connections whose opening was not seen, where these are left out
};

struct FragmentsInfo {
  std::uint64_t fragments = 0;
  std::uint64_t datagrams = 0;    // put together
  std::uint64_t cut_off = 0;      // of these: lack bytes that the capture left out
  std::uint64_t expired = 0;      // datagrams given up: time ran out
  std::uint64_t evicted = 0;      // datagrams given up: room ran out
  std::uint64_t overlapping = 0;  // datagrams given up: fragments contradict each other
  std::uint64_t malformed = 0;    // fragments that no datagram can have
  std::uint64_t duplicates = 0;   // fragments ignored
  std::uint64_t lost = 0;         // fragments given up with their datagram, or that came after it was
};

// Missing bytes that were no longer waited for, by the reason.
struct GapsInfo {
  std::uint64_t time = 0;     // reassembly.gap_after_seconds
  std::uint64_t packets = 0;  // reassembly.out_of_order_packets
  std::uint64_t bytes = 0;    // reassembly.out_of_order_bytes
  std::uint64_t pool = 0;     // reassembly.held_packets and copied_bytes, or pressure
  std::uint64_t jump = 0;     // the stream went on far away
  std::uint64_t end = 0;      // of the connection
  std::uint64_t cut = 0;      // the capture has the beginning of the packet only
};

struct ReassemblyInfo {
  std::uint64_t held_packets = 0;  // at present
  std::uint64_t copied_bytes = 0;  // at present
  GapsInfo gaps;
  std::uint64_t dropped_segments = 0;    // stray, or after the stream's end
  std::uint64_t inconsistent_bytes = 0;  // repeated with another content
};

struct HandOverInfo {
  std::uint64_t sent = 0;  // packets that another worker owns
  std::uint64_t lost = 0;  // of these, that it was too far behind to take
};

// At present, in bytes, but for `refused`.
struct MemoryInfo {
  std::uint64_t used = 0;
  std::uint64_t reserved = 0;
  std::uint64_t refused = 0;  // requests since the start for which there was no room
};

struct WorkerMemoryInfo {
  MemoryInfo table;   // of connections
  MemoryInfo cold;    // what connections need where somebody wants them
  MemoryInfo arenas;  // of parsers
  MemoryInfo blocks;  // objects of subscriptions' types, long lists
  MemoryInfo copies;  // of TCP segments that came early
};

enum class PressureInfo : std::uint8_t { none, low, critical };

struct WorkerPressureInfo {
  PressureInfo now = PressureInfo::none;
  Timestamp since;             // wall clock; 0: since the start
  std::uint64_t low = 0;       // how often it became so
  std::uint64_t critical = 0;  // how often it became so
};

struct WorkerInfo {
  std::uint32_t lcore = 0;
  std::uint32_t epoch = 0;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t undecoded = 0;  // not TCP or UDP over IP, or malformed
  UndecodedInfo undecoded_by_reason{};
  ConnectionsInfo connections{};
  FragmentsInfo fragments{};
  ReassemblyInfo reassembly{};
  HandOverInfo hand_over{};
  WorkerMemoryInfo memory{};
  WorkerPressureInfo pressure{};
};

struct Status {
  std::string version;
  double uptime_seconds = 0;
  std::uint32_t epoch = 0;
  std::uint32_t subscriptions = 0;
  std::uint32_t retiring = 0;  // removed, and their code not yet freed
  std::vector<PortInfo> ports;
  std::vector<WorkerInfo> workers;
};

// ---- the merged plan, with what became of it since its parts were there; sums over all workers

struct PlanCallbackInfo {
  std::string name;  // subscription/callback
  bool each_session = false;
  std::uint64_t matched = 0;
  std::uint64_t calls = 0;
  double share = 0;  // of the workers' time, 0 to 1
};

struct PlanNodeInfo {
  std::uint32_t depth = 0;  // of the root 0; a node comes before those below it
  std::string literal;      // that leads to it; of the root empty
  bool direct = false;      // asked by itself, not looked up
  std::uint64_t reached = 0;
  double share = 0;                      // of the workers' time: progress at it; 0 to 1
  std::uint32_t filters = 0;             // clauses of filters that pass through it or end there
  std::vector<std::string> shared_with;  // explain of one subscription: others', the first few
  std::vector<PlanCallbackInfo> callbacks;
};

// One index; or a filter of an author's own, where what is counted are calls.
struct LookupInfo {
  std::string field;
  std::string op;  // "(C++)" of an author's own
  std::uint64_t predicates = 0;
  std::uint64_t count = 0;
  double share = 0;  // of the workers' time
};

struct GraphInfo {
  bool of_packets = false;  // by themselves; else of connections
  bool straight = false;    // decided by straight-line code; else by look-ups
  std::vector<PlanNodeInfo> nodes;
  std::vector<LookupInfo> lookups;
};

struct WorkInfo {
  std::string name;  // "parsers"
  double share = 0;  // of the workers' time on packets behind decoding
};

struct PlanInfo {
  std::uint32_t epoch = 0;
  std::uint32_t subscriptions = 0;
  std::uint64_t packets = 0;
  std::uint64_t samples = 0;  // that shares are made of
  std::vector<GraphInfo> graphs;
  std::vector<WorkInfo> work;
  std::vector<WorkInfo> parsers;  // of work's "parsers", by protocol; those that took any
};

// Thread: any.
class Subscriptions {
 public:
  // Compiles, merges, publishes; returns when every worker runs it. `name` empty: made from the source's file name.
  // Fails with `exists` when the name is in use, `invalid` with diagnostics when the source is refused. Whatever
  // happens, what ran before still runs. `filter` narrows every callback's own; empty: does not.
  [[nodiscard]] virtual Result<Added> add(const std::string& name, const jit::Source& source,
                                          const std::string& filter) = 0;
  [[nodiscard]] Result<Added> add(const std::string& name, const jit::Source& source) { return add(name, source, {}); }
  // A subscription to the source for each filter: all, in one epoch, or none. Of wrong filters the first few are told.
  [[nodiscard]] virtual Result<AddedBatch> add_batch(const jit::Source& source, std::span<const Narrowed> batch) = 0;
  // Everything `add` checks, without adding. Returns warnings.
  [[nodiscard]] virtual Result<std::string> check(const jit::Source& source) = 0;
  // Returns when no worker will call it any more, except that ends of its connections are still being delivered.
  // Fails with `not_found`, naming the nearest known name.
  [[nodiscard]] virtual Result<void> remove(const std::string& name) = 0;
  // Everything whose name matches the pattern (fnmatch(3)), in one epoch; returns the names. Fails with `not_found`
  // when nothing does.
  [[nodiscard]] virtual Result<std::vector<std::string>> remove_matching(const std::string& pattern) = 0;
  [[nodiscard]] virtual std::vector<SubscriptionInfo> list() const = 0;
  [[nodiscard]] virtual Result<SubscriptionInfo> show(const std::string& name) const = 0;
  [[nodiscard]] virtual Status status() const = 0;
  // The plan, or the part of it that is about the subscription `name`, if not empty. Fails with `not_found`.
  [[nodiscard]] virtual Result<PlanInfo> explain(const std::string& name) const = 0;

 protected:
  ~Subscriptions() = default;
};

}  // namespace iris::control
