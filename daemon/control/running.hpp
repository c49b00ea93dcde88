// What runs: the subscriptions that are part of the pipeline, and those that were and that something still refers to.
// Each change is one new pipeline; nothing changes until a complete one exists.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <iris/time.hpp>

#include "daemon/control/registry.hpp"
#include "daemon/control/side.hpp"
#include "daemon/control/stopwatch.hpp"
#include "daemon/control/units.hpp"
#include "jit/codegen/dispatch.hpp"

namespace iris::control {

[[nodiscard]] inline Files view(const std::shared_ptr<const std::vector<filter::NamedFile>>& files) {
  return files == nullptr ? Files() : Files(*files);
}

struct Planned {
  Side* side = nullptr;
  plan::ActionId action = 0;
};

struct Subscription {
  std::string name;
  std::uint32_t id = 0;
  std::uint32_t epoch = 0;
  Timestamp added;
  std::shared_ptr<const Unit> unit;
  std::shared_ptr<const std::vector<filter::NamedFile>> files;  // that its filters name; nullptr: none
  std::vector<std::string> filters;                             // as the Spec's callbacks; narrowed
  std::vector<std::shared_ptr<conn::Callee>> callees;           // as the Spec's callbacks
  std::vector<Planned> actions;                                 // as the Spec's callbacks
};
using SubscriptionPtr = std::unique_ptr<Subscription>;

// A plain function that takes a session runs once for each; everything else runs once for a connection.
void set_scope(const frontend::Callback& callback, plan::Request& request);

// Thread: one at a time, but for epoch().
class Running {
 public:
  explicit Running(const RegistryParts& parts);

  // Publishes the empty pipeline.
  [[nodiscard]] Result<void> start();
  // All of them, or none. Sets id, epoch and what else it takes; on failure nothing has changed.
  [[nodiscard]] Result<void> take_in(std::span<const SubscriptionPtr> newcomers, Stopwatch& watch);
  // All of them, whatever happens. Their code stays until nothing refers to it.
  void take_out(std::vector<SubscriptionPtr> leaving);
  // Frees what nothing can reach any more. Returns how many wait to be freed.
  std::size_t collect();

  // Fills in all but how many subscriptions there are. `only`: what is about this one.
  void explain(std::optional<std::uint32_t> only, PlanInfo& info) const;

  // Of the latest pipeline.
  [[nodiscard]] std::uint32_t epoch() const noexcept { return epoch_; }

 private:
  // A removed subscription, until no connection or object refers to it.
  struct Retired {
    SubscriptionPtr subscription;
    std::uint32_t epoch = 0;  // from which it is gone; 0: no connection ever knew it
  };

  Side& side_of(const frontend::Callback& callback) { return is_of_packets(callback) ? packets_ : connections_; }
  [[nodiscard]] Result<void> take_in(Subscription& subscription);
  [[nodiscard]] Result<void> plan_in(Subscription& subscription);
  void plan_out(Subscription& subscription);
  void forget(Subscription& subscription);
  [[nodiscard]] Result<void> publish_next(Stopwatch* watch);

  const RegistryParts parts_;
  Side connections_;
  Side packets_;
  codegen::DispatchCompiler dispatcher_;
  std::list<Retired> retired_;
  std::atomic<std::uint32_t> epoch_{0};
  std::uint32_t next_id_ = 1;
};

}  // namespace iris::control
