#include "daemon/control/registry.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "daemon/control/code.hpp"
#include "daemon/control/names.hpp"
#include "daemon/control/side.hpp"
#include "daemon/control/stopwatch.hpp"
#include "daemon/output/output.hpp"
#include "daemon/publish/publisher.hpp"
#include "jit/codegen/dispatch.hpp"
#include "jit/plan/planner.hpp"

namespace iris::control {
namespace {

using Clock = std::chrono::steady_clock;

// How often removed code is looked after while some waits to be freed.
constexpr std::chrono::milliseconds collect_interval{10};

Timestamp wall_clock() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count())};
}

std::string_view event_name(const std::optional<Event>& event) { return event ? name(*event) : "match"; }

std::string events_of(const frontend::Callback& callback) {
  std::string joined;
  for (const auto& function : callback.functions) {
    if (!joined.empty()) joined += ", ";
    joined += event_name(function.event);
  }
  return joined;
}

std::uint32_t protocol_number(const std::string& name) {
  const auto all = parsers::registry();
  const auto found = std::ranges::find(all, name, &parsers::Protocol::name);
  return found == all.end() ? 0 : static_cast<std::uint32_t>(found - all.begin());
}

// A plain function that takes a session runs once for each; everything else runs once for a connection.
void set_scope(const frontend::Callback& callback, plan::Request& request) {
  if (callback.state) return;
  for (const auto& parameter : callback.functions.front().parameters) {
    if (parameter.type != frontend::DataType::session) continue;
    request.scope = plan::Scope::session;
    request.protocol = protocol_number(parameter.protocol);
  }
}

struct Planned {
  Side* side = nullptr;
  plan::ActionId action = 0;
};

struct Subscription {
  std::string name;
  std::uint32_t id = 0;
  std::uint32_t epoch = 0;
  jit::Source source;
  Timestamp added;
  frontend::Spec spec;
  Code code;
  std::vector<Planned> actions;  // as the Spec's callbacks
};

// A removed subscription, until no connection or object refers to it.
struct Retired {
  std::unique_ptr<Subscription> subscription;
  std::uint32_t epoch = 0;  // from which it is gone; 0: no connection ever knew it
};

}  // namespace

struct Registry::Impl {
  explicit Impl(const RegistryParts& given)
      : parts(given), connections(given.workers), packets(given.workers), dispatcher(given.engine) {}

  Side& side_of(const frontend::Callback& callback) { return is_of_packets(callback) ? packets : connections; }

  Result<void> publish_next(Stopwatch* watch);
  Result<void> plan_in(Subscription& subscription);
  void plan_out(Subscription& subscription, bool known);
  Result<Added> go_live(std::unique_ptr<Subscription> subscription, jit::Compiled compiled, Stopwatch& watch);
  void collect();
  void collect_while_needed(const std::stop_token& stop);
  SubscriptionInfo info(const Subscription& subscription) const;
  std::vector<std::string> names() const;  // called with `table` held

  RegistryParts parts;
  const Clock::time_point started = Clock::now();

  std::mutex change;  // planning and publishing: one at a time. Taken before `table`
  Side connections;
  Side packets;
  codegen::DispatchCompiler dispatcher;
  std::list<Retired> retired;

  mutable std::mutex table;  // what list and show read
  std::map<std::string, std::unique_ptr<Subscription>> subscriptions;
  std::set<std::string> reserved;  // names being added
  std::uint32_t epoch = 0;
  std::uint32_t next_id = 1;
  std::size_t retiring = 0;
  std::condition_variable_any something_retired;

  std::jthread collector;  // last: stops before what it uses is destroyed
};

// Makes a pipeline of what the planners hold now and publishes it. On failure nothing has changed. `watch` may be null.
Result<void> Registry::Impl::publish_next(Stopwatch* watch) {
  const auto lap = [&](const char* stage) {
    if (watch != nullptr) watch->lap(stage);
  };
  auto pipeline = std::make_shared<conn::Pipeline>();
  pipeline->epoch = epoch + 1;
  if (auto merged = connections.merge(pipeline->epoch, dispatcher, *pipeline, lap); !merged) return merged;
  pipeline->session_data_wanted = connections.takes_session_data != 0;
  if (packets.live != 0) {
    if (auto merged = packets.merge(pipeline->epoch, dispatcher, pipeline->packets.emplace(), lap); !merged)
      return merged;
  }
  parts.publisher.publish(std::move(pipeline));
  lap("publish");
  const std::lock_guard lock(table);
  ++epoch;
  return {};
}

Result<void> Registry::Impl::plan_in(Subscription& subscription) {
  for (std::size_t i = 0; i < subscription.spec.callbacks.size(); ++i) {
    const frontend::Callback& callback = subscription.spec.callbacks[i];
    auto parsed = filter_of(callback);
    if (!parsed) return std::unexpected(parsed.error());
    plan::Request request;
    request.subscription = subscription.id;
    request.birth = epoch + 1;
    request.filter = std::move(*parsed);
    request.observes = subscription.code.callees[i]->observes;
    request.name = subscription.name + "/" + callback.name;
    set_scope(callback, request);
    Side& side = side_of(callback);
    const auto action = side.planner.add(request);
    if (!action) return std::unexpected(action.error());
    ++side.live;
    side.takes_session_data += subscription.code.callees[i]->has(Event::L7InSession) ? 1 : 0;
    subscription.actions.push_back({&side, *action});
    side.callees.grow(*action + 1);
    side.callees.edit(*action) = subscription.code.callees[i];
  }
  return {};
}

// `known`: connections may know its actions; they are forgotten when none does any more.
void Registry::Impl::plan_out(Subscription& subscription, bool known) {
  for (const auto [side, action] : subscription.actions) {
    side->planner.remove(action);
    --side->live;
    side->takes_session_data -= side->callees[action]->has(Event::L7InSession) ? 1 : 0;
    if (known) continue;
    side->planner.forget(action);
    side->callees.edit(action) = nullptr;
  }
}

Result<Added> Registry::Impl::go_live(std::unique_ptr<Subscription> subscription, jit::Compiled compiled,
                                      Stopwatch& watch) {
  const std::lock_guard lock(change);
  collect();
  subscription->id = next_id++;
  subscription->epoch = epoch + 1;
  auto code = link(parts.engine, compiled, subscription->name, subscription->id);
  if (!code) return std::unexpected(code.error());
  subscription->code = std::move(*code);
  subscription->spec = std::move(compiled.spec);
  watch.lap("link");
  auto known = parts.output.register_subscription(subscription->id, subscription->name, subscription->spec.rows);
  if (!known) return std::unexpected(known.error());
  auto planned = plan_in(*subscription);
  if (planned) planned = publish_next(&watch);
  if (!planned) {
    plan_out(*subscription, false);
    parts.output.retire(subscription->id);
    return std::unexpected(planned.error());
  }
  Added added;
  added.name = subscription->name;
  added.id = subscription->id;
  added.epoch = subscription->epoch;
  const std::lock_guard table_lock(table);
  subscriptions.emplace(added.name, std::move(subscription));
  return added;
}

// Frees what no worker's connection can reach any more. Called with `change` held.
void Registry::Impl::collect() {
  const std::uint32_t oldest = parts.publisher.oldest_epoch();
  std::erase_if(retired, [&](const Retired& entry) {
    if (oldest < entry.epoch) return false;
    const auto& held = entry.subscription->code.callees;
    if (std::ranges::any_of(held, [](const auto& callee) { return callee->counters.objects.load() != 0; }))
      return false;
    for (const auto [side, action] : entry.subscription->actions) {
      side->planner.forget(action);
      side->callees.edit(action) = nullptr;
    }
    parts.output.retire(entry.subscription->id);
    return true;
  });
  const std::lock_guard lock(table);
  retiring = retired.size();
}

void Registry::Impl::collect_while_needed(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(table);
      if (!something_retired.wait(lock, stop, [&] { return retiring != 0; })) return;
    }
    {
      const std::lock_guard lock(change);
      collect();
    }
    std::this_thread::sleep_for(collect_interval);
  }
}

SubscriptionInfo Registry::Impl::info(const Subscription& subscription) const {
  SubscriptionInfo info;
  info.name = subscription.name;
  info.id = subscription.id;
  info.epoch = subscription.epoch;
  info.source_name = subscription.source.name;
  info.added = subscription.added;
  for (std::size_t i = 0; i < subscription.spec.callbacks.size(); ++i) {
    const frontend::Callback& callback = subscription.spec.callbacks[i];
    const conn::CallbackCounters& counters = subscription.code.callees[i]->counters;
    info.callbacks.push_back(
        {callback.name, callback.filter, events_of(callback), counters.matched.load(), counters.calls.load()});
  }
  if (const auto counters = parts.output.counters(subscription.id)) {
    info.emitted = counters->emitted;
    info.dropped = counters->dropped;
  }
  return info;
}

std::vector<std::string> Registry::Impl::names() const {
  std::vector<std::string> all;
  all.reserve(subscriptions.size());
  for (const auto& [name, subscription] : subscriptions) all.push_back(name);
  return all;
}

Registry::Registry(const RegistryParts& parts) : impl_(std::make_unique<Impl>(parts)) {
  impl_->collector = std::jthread([this](const std::stop_token& stop) { impl_->collect_while_needed(stop); });
}
Registry::~Registry() = default;

Result<void> Registry::start() {
  const std::lock_guard lock(impl_->change);
  // The code generator's first run takes ten times as long as the next: not in somebody's `add`.
  const codegen::FamilyShape first{&parsers::service_field, filter::Operator::one_of};
  if (auto warm = impl_->dispatcher.compile({&first, 1}); !warm) return std::unexpected(warm.error());
  return impl_->publish_next(nullptr);
}

Result<Added> Registry::add(const std::string& name, const jit::Source& source) {
  jit::Stages stages;
  Stopwatch watch(stages);
  auto subscription = std::make_unique<Subscription>();
  subscription->name = name.empty() ? name_from_file(source.name) : name;
  subscription->source = source;
  subscription->added = wall_clock();
  if (auto valid = check_name(subscription->name); !valid) return std::unexpected(valid.error());
  const std::string reserved = subscription->name;
  {
    const std::lock_guard lock(impl_->table);
    if (impl_->subscriptions.contains(reserved) || !impl_->reserved.insert(reserved).second) {
      return fail(ErrorCode::exists, "a subscription named '" + reserved +
                                         "' is live already: choose another name with --name, or remove it first");
    }
  }
  auto compiled = impl_->parts.compiler.compile(source);
  Result<Added> added = std::unexpected(Error{});
  if (compiled) {
    stages = compiled->stages;
    Stopwatch rest(stages);
    std::string warnings = std::move(compiled->warnings);
    added = impl_->go_live(std::move(subscription), std::move(*compiled), rest);
    if (added) added->warnings = std::move(warnings);
  } else {
    added = std::unexpected(compiled.error());
  }
  {
    const std::lock_guard lock(impl_->table);
    impl_->reserved.erase(reserved);
  }
  if (!added) return added;
  added->stages = std::move(stages);
  added->total_ms = watch.total_ms();
  spdlog::info("{}: live in epoch {} after {:.1f} ms", added->name, added->epoch, added->total_ms);
  return added;
}

Result<std::string> Registry::check(const jit::Source& source) {
  auto compiled = impl_->parts.compiler.compile(source);
  if (!compiled) return std::unexpected(compiled.error());
  // Linked and let go of again: a symbol that may not be used is found here and not at `add`.
  const auto code = link(impl_->parts.engine, *compiled, "check", 0);
  if (!code) return std::unexpected(code.error());
  plan::Planner connections(1);
  plan::Planner packets(1);
  for (const auto& callback : compiled->spec.callbacks) {
    auto parsed = filter_of(callback);
    if (!parsed) return std::unexpected(parsed.error());
    plan::Request request;
    request.filter = std::move(*parsed);
    set_scope(callback, request);
    plan::Planner& planner = is_of_packets(callback) ? packets : connections;
    if (const auto action = planner.add(request); !action) return std::unexpected(action.error());
  }
  for (plan::Planner* planner : {&connections, &packets}) {
    if (const auto plan = planner->snapshot(1); !plan) return std::unexpected(plan.error());
  }
  return compiled->warnings;
}

Result<void> Registry::remove(const std::string& name) {
  const std::lock_guard lock(impl_->change);
  std::unique_ptr<Subscription> leaving;
  {
    const std::lock_guard table_lock(impl_->table);
    const auto found = impl_->subscriptions.find(name);
    if (found == impl_->subscriptions.end()) return unknown_name(name, impl_->names());
    leaving = std::move(found->second);
    impl_->subscriptions.erase(found);
  }
  impl_->plan_out(*leaving, true);
  const bool known = std::ranges::any_of(leaving->actions, [&](const Planned& planned) {
    return planned.side == &impl_->connections;  // when a pipeline without them runs, packets have no part in it
  });
  std::uint32_t gone = known ? impl_->epoch + 1 : 0;
  if (auto published = impl_->publish_next(nullptr); !published) {
    // Only a lack of memory gets here. Its actions are dead in the next pipeline that can be made.
    spdlog::error("{}: removed, but no new pipeline could be made: {}", name, published.error().message);
    gone = impl_->epoch + 1;
  }
  spdlog::info("{}: removed in epoch {}", name, impl_->epoch);
  impl_->retired.push_back({std::move(leaving), gone});
  impl_->collect();
  impl_->something_retired.notify_one();
  return {};
}

std::vector<SubscriptionInfo> Registry::list() const {
  const std::lock_guard lock(impl_->table);
  std::vector<SubscriptionInfo> all;
  for (const auto& [name, subscription] : impl_->subscriptions) all.push_back(impl_->info(*subscription));
  std::ranges::sort(all, {}, &SubscriptionInfo::id);
  return all;
}

Result<SubscriptionInfo> Registry::show(const std::string& name) const {
  const std::lock_guard lock(impl_->table);
  const auto found = impl_->subscriptions.find(name);
  if (found == impl_->subscriptions.end()) return unknown_name(name, impl_->names());
  SubscriptionInfo info = impl_->info(*found->second);
  info.source_text = found->second->source.text;
  return info;
}

Status Registry::status() const {
  Status status;
  status.version = IRIS_VERSION;
  status.uptime_seconds = std::chrono::duration<double>(Clock::now() - impl_->started).count();
  {
    const std::lock_guard lock(impl_->table);
    status.epoch = impl_->epoch;
    status.subscriptions = static_cast<std::uint32_t>(impl_->subscriptions.size());
    status.retiring = static_cast<std::uint32_t>(impl_->retiring);
  }
  if (impl_->parts.telemetry) impl_->parts.telemetry(status);
  return status;
}

}  // namespace iris::control
