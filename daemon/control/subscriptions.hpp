// What can be asked of the running daemon, without saying how it is asked: the gRPC service and `irisd replay` both
// speak to this interface.
#pragma once

#include <cstdint>
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

struct CallbackInfo {
  std::string name;
  std::string filter;
  std::string event;          // "L7EndHdrs", or "match"
  std::uint64_t matched = 0;  // connections or sessions for which the filter became true
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

struct WorkerInfo {
  std::uint32_t lcore = 0;
  std::uint32_t epoch = 0;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t undecoded = 0;  // not TCP or UDP over IP, or malformed
  std::uint64_t connections_begun = 0;
  std::uint64_t connections_ended = 0;
  std::uint64_t connections_live = 0;
  std::uint64_t table_full = 0;  // connections evicted for want of room
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

// Thread: any.
class Subscriptions {
 public:
  // Compiles, merges, publishes; returns when every worker runs it. `name` empty: made from the source's file name.
  // Fails with `exists` when the name is in use, `invalid` with diagnostics when the source is refused. Whatever
  // happens, what ran before still runs.
  [[nodiscard]] virtual Result<Added> add(const std::string& name, const jit::Source& source) = 0;
  // Everything `add` checks, without adding. Returns warnings.
  [[nodiscard]] virtual Result<std::string> check(const jit::Source& source) = 0;
  // Returns when no worker will call it any more, except that ends of its connections are still being delivered.
  // Fails with `not_found`, naming the nearest known name.
  [[nodiscard]] virtual Result<void> remove(const std::string& name) = 0;
  [[nodiscard]] virtual std::vector<SubscriptionInfo> list() const = 0;
  [[nodiscard]] virtual Result<SubscriptionInfo> show(const std::string& name) const = 0;
  [[nodiscard]] virtual Status status() const = 0;

 protected:
  ~Subscriptions() = default;
};

}  // namespace iris::control
