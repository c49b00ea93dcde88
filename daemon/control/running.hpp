// What runs: the subscriptions that are part of the pipeline, and those that were and that something still refers to.
// Each change is one new pipeline; nothing changes until a complete one exists.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
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
#include "jit/codegen/straight.hpp"

namespace iris::control {

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
  std::vector<const conn::Callee*> named;  // authors' filters that these name; each once a callback

  [[nodiscard]] UnitNames names() const {
    return {*unit, files == nullptr ? std::span<const filter::NamedFile>() : std::span(*files)};
  }
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

  // What takes long and makes what is live cheaper.
  struct Improvement {
    std::function<void()> work;    // without holding anybody up. Thread: any, one improvement at a time
    std::function<bool()> finish;  // then: publishes it. False: nothing, as something has changed meanwhile
  };
  // Of an index. nullopt: there is none.
  [[nodiscard]] std::optional<Improvement> tidy();
  // Straight-line code for what has none, and is small enough. nullopt: there is nothing such.
  [[nodiscard]] std::optional<Improvement> straighten();

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

  // A filter of an author's that live callbacks name.
  struct Named {
    std::shared_ptr<const conn::Callee> code;
    std::size_t users = 0;
  };

  Side& side_of(const frontend::Callback& callback) { return is_of_packets(callback) ? packets_ : connections_; }
  [[nodiscard]] Result<void> take_in(Subscription& subscription);
  [[nodiscard]] Result<void> plan_in(Subscription& subscription);
  void plan_out(Subscription& subscription);
  void name_filters(Subscription& subscription, plan::Request& request);
  void unname_filters(Subscription& subscription);
  void forget(Subscription& subscription);
  void forget_unit(const std::shared_ptr<const Unit>& unit);
  [[nodiscard]] Result<void> publish_next(Stopwatch* watch);
  void publish(std::shared_ptr<const conn::Pipeline> pipeline);
  // By kind of subject; nullptr: has some, or cannot have any.
  using Plans = std::array<std::shared_ptr<const plan::Plan>, 2>;
  using Straights = std::array<std::shared_ptr<const codegen::Straight>, 2>;
  [[nodiscard]] Plans to_straighten(const conn::Pipeline& pipeline) const;
  [[nodiscard]] Straights straightened(const Plans& plans);

  const RegistryParts parts_;
  Side connections_;
  Side packets_;
  codegen::DispatchCompiler dispatcher_;
  codegen::StraightCompiler straightener_;
  std::shared_ptr<const conn::Pipeline> live_;
  std::uint32_t straightened_ = 0;                // epoch for which that has been tried
  std::map<const parsers::Field*, Named> named_;  // authors' filters, by Callee::filter
  std::list<Retired> retired_;
  std::map<const Unit*, std::size_t> unit_users_;           // subscriptions, retired ones too
  std::vector<std::shared_ptr<const Unit>> retired_units_;  // of none, and connections hold objects of their filters
  std::atomic<std::uint32_t> epoch_{0};
  std::uint32_t next_id_ = 1;
};

}  // namespace iris::control
