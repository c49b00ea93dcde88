#include "daemon/control/registry.hpp"

#include <fmt/format.h>
#include <fnmatch.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "daemon/control/names.hpp"
#include "daemon/control/running.hpp"
#include "daemon/output/output.hpp"

namespace iris::control {
namespace {

using Clock = std::chrono::steady_clock;

// How often removed code is looked after while some waits to be freed.
constexpr std::chrono::milliseconds collect_interval{10};

// After a change, before what takes long and any further change would make useless is begun.
constexpr std::chrono::milliseconds quiet{100};

// Of a batch with wrong filters: how many are told.
constexpr std::size_t most_faults = 20;

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

// What both filters, where there are two, ask for.
std::string narrowed(const std::string& own, const std::string& filter) {
  if (own.empty() || filter.empty()) return own + filter;
  return "(" + filter + ") and (" + own + ")";
}

// Each by itself, so that a fault is told with its place in what the user wrote. Returns warnings.
Result<std::string> check_filters(std::span<const Narrowed> batch, const filter::Names& names) {
  std::string warnings;
  std::string faults;
  std::size_t faulty = 0;
  std::size_t told = 0;
  for (const Narrowed& each : batch) {
    if (each.filter.empty()) continue;
    const auto parsed = filter::parse(each.filter, filter::Subject::connection, names);
    if (parsed && !parsed->warnings.empty() && told++ < most_faults) {
      for (const auto& warning : parsed->warnings) {
        if (!warnings.empty()) warnings += '\n';
        warnings += filter::render_warning(each.filter, warning, each.where);
      }
    }
    if (!parsed && faulty++ < most_faults) {
      if (!faults.empty()) faults += '\n';
      faults += filter::render(each.filter, parsed.error(), each.where);
    }
  }
  if (faulty == 0) return warnings;
  if (faulty > most_faults) faults += fmt::format("\n{} more filters are wrong", faulty - most_faults);
  return fail(ErrorCode::invalid, faults);
}

using FilesPtr = std::shared_ptr<const std::vector<filter::NamedFile>>;

std::vector<SubscriptionPtr> subscriptions_to(const std::shared_ptr<const Unit>& unit, std::span<const Narrowed> batch,
                                              const FilesPtr& files) {
  const Timestamp now = wall_clock();
  std::vector<SubscriptionPtr> all;
  all.reserve(batch.size());
  for (const Narrowed& each : batch) {
    auto subscription = std::make_unique<Subscription>();
    subscription->name = each.name;
    subscription->added = now;
    subscription->unit = unit;
    subscription->files = files;
    for (const auto& callback : unit->spec.callbacks) {
      subscription->filters.push_back(narrowed(callback.filter, each.filter));
    }
    all.push_back(std::move(subscription));
  }
  return all;
}

}  // namespace

struct Registry::Impl {
  explicit Impl(const RegistryParts& given) : parts(given), units(given.compiler, given.engine), running(given) {}

  Result<void> reserve(std::span<const Narrowed> batch);
  void release(std::span<const Narrowed> batch);
  Result<AddedBatch> add(const jit::Source& source, std::span<const Narrowed> batch);
  void remove(std::vector<SubscriptionPtr> leaving);
  void collect_while_needed(const std::stop_token& stop);
  void tidy_while_needed(const std::stop_token& stop);
  bool improve(std::optional<Running::Improvement> (Running::*what)());
  void note_change();  // called with `table` held
  SubscriptionInfo info(const Subscription& subscription) const;
  std::vector<std::string> names() const;  // called with `table` held

  RegistryParts parts;
  Units units;
  const Clock::time_point started = Clock::now();

  std::mutex change;  // of `running`. Taken before `table`
  Running running;

  mutable std::mutex table;  // what list and show read
  std::map<std::string, SubscriptionPtr> subscriptions;
  std::set<std::string> reserved;  // names being added
  std::size_t retiring = 0;
  std::condition_variable_any something_retired;
  bool untidy = false;  // perhaps
  std::condition_variable_any something_changed;

  // Last: they stop before what they use is destroyed.
  std::jthread collector;
  std::jthread tidier;
};

// Names that nobody else can take until they are released.
Result<void> Registry::Impl::reserve(std::span<const Narrowed> batch) {
  const std::lock_guard lock(table);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::string& name = batch[i].name;
    auto valid = check_name(name);
    if (valid && (subscriptions.contains(name) || !reserved.insert(name).second)) {
      const bool twice = std::ranges::find(batch.first(i), name, &Narrowed::name) != batch.first(i).end();
      valid = fail(ErrorCode::exists,
                   "a subscription named '" + name +
                       (twice ? "' is in this batch already: choose another name"
                              : "' is live already: choose another name with --name, or remove it first"));
    }
    if (valid) continue;
    for (const Narrowed& earlier : batch.first(i)) reserved.erase(earlier.name);
    return valid;
  }
  return {};
}

void Registry::Impl::release(std::span<const Narrowed> batch) {
  const std::lock_guard lock(table);
  for (const Narrowed& each : batch) reserved.erase(each.name);
}

// With reserved names.
Result<AddedBatch> Registry::Impl::add(const jit::Source& source, std::span<const Narrowed> batch) {
  auto made = units.make(source, batch.front().name);
  if (!made) return std::unexpected(made.error());
  auto warnings = check_filters(batch, UnitNames(*made->unit, source.files).view());
  if (!warnings) return std::unexpected(std::move(warnings.error()));
  AddedBatch added;
  added.stages = std::move(made->stages);
  added.warnings = std::move(made->warnings);
  if (!added.warnings.empty() && !warnings->empty()) added.warnings += '\n';
  added.warnings += *warnings;
  Stopwatch watch(added.stages);
  const auto files =
      source.files.empty() ? nullptr : std::make_shared<const std::vector<filter::NamedFile>>(source.files);
  auto newcomers = subscriptions_to(made->unit, batch, files);
  const std::lock_guard lock(change);
  if (auto taken = running.take_in(newcomers, watch); !taken) return std::unexpected(taken.error());
  added.epoch = running.epoch();
  const std::lock_guard table_lock(table);
  for (auto& newcomer : newcomers) {
    std::string name = newcomer->name;
    subscriptions.emplace(std::move(name), std::move(newcomer));
  }
  note_change();
  return added;
}

void Registry::Impl::note_change() {
  untidy = true;
  something_changed.notify_one();
}

// Without hurry: what is put together is already live.
void Registry::Impl::tidy_while_needed(const std::stop_token& stop) {
  constexpr int low_priority = 10;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), low_priority);
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(table);
      if (!something_changed.wait(lock, stop, [&] { return untidy; })) return;
      untidy = false;
    }
    while (!stop.stop_requested() && improve(&Running::tidy)) {
    }
    {
      std::unique_lock lock(table);
      if (something_changed.wait_for(lock, stop, quiet, [&] { return untidy; })) continue;
    }
    if (!stop.stop_requested()) (void)improve(&Running::straighten);
  }
}

// Returns whether there was something to improve, and it is.
bool Registry::Impl::improve(std::optional<Running::Improvement> (Running::*what)()) {
  std::optional<Running::Improvement> improvement;
  {
    const std::lock_guard lock(change);
    improvement = (running.*what)();
  }
  if (!improvement) return false;
  improvement->work();
  const std::lock_guard lock(change);
  return improvement->finish();
}

void Registry::Impl::collect_while_needed(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(table);
      if (!something_retired.wait(lock, stop, [&] { return retiring != 0; })) return;
    }
    {
      const std::lock_guard lock(change);
      const std::size_t left = running.collect();
      const std::lock_guard table_lock(table);
      retiring = left;
    }
    std::this_thread::sleep_for(collect_interval);
  }
}

SubscriptionInfo Registry::Impl::info(const Subscription& subscription) const {
  SubscriptionInfo info;
  info.name = subscription.name;
  info.id = subscription.id;
  info.epoch = subscription.epoch;
  info.source_name = subscription.unit->source.name;
  info.added = subscription.added;
  for (std::size_t i = 0; i < subscription.callees.size(); ++i) {
    const frontend::Callback& callback = subscription.unit->spec.callbacks[i];
    const conn::CallbackCounters& counters = subscription.callees[i]->counters;
    info.callbacks.push_back(
        {callback.name, subscription.filters[i], events_of(callback), counters.matched.load(), counters.calls.load()});
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
  impl_->tidier = std::jthread([this](const std::stop_token& stop) { impl_->tidy_while_needed(stop); });
}
Registry::~Registry() = default;

Result<void> Registry::start() {
  const std::lock_guard lock(impl_->change);
  return impl_->running.start();
}

Result<Added> Registry::add(const std::string& name, const jit::Source& source, const std::string& filter) {
  const Narrowed one{name.empty() ? name_from_file(source.name) : name, filter, {}};
  auto batch = add_batch(source, {&one, 1});
  if (!batch) return std::unexpected(batch.error());
  Added added;
  added.name = one.name;
  added.epoch = batch->epoch;
  added.stages = std::move(batch->stages);
  added.total_ms = batch->total_ms;
  added.warnings = std::move(batch->warnings);
  const std::lock_guard lock(impl_->table);
  // Somebody may have removed it meanwhile.
  if (const auto found = impl_->subscriptions.find(one.name); found != impl_->subscriptions.end()) {
    added.id = found->second->id;
  }
  return added;
}

Result<AddedBatch> Registry::add_batch(const jit::Source& source, std::span<const Narrowed> batch) {
  if (batch.empty()) return fail(ErrorCode::invalid, "there is no filter: nothing was added");
  const auto begin = Clock::now();
  if (auto reserved = impl_->reserve(batch); !reserved) return std::unexpected(reserved.error());
  auto added = impl_->add(source, batch);
  impl_->release(batch);
  if (!added) return added;
  added->total_ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  const std::string& first = batch.front().name;
  spdlog::info("{}: live in epoch {} after {:.1f} ms",
               batch.size() == 1 ? first : fmt::format("{} and {} more", first, batch.size() - 1), added->epoch,
               added->total_ms);
  return added;
}

Result<std::string> Registry::check(const jit::Source& source) {
  // Linked and let go of again: a symbol that may not be used is found here and not at `add`.
  const auto made = impl_->units.make(source, "check");
  if (!made) return std::unexpected(made.error());
  if (const auto callees = callees_of(*made->unit, 0); !callees) return std::unexpected(callees.error());
  plan::Planner connections(1);
  plan::Planner packets(1);
  const UnitNames names(*made->unit, source.files);
  for (const auto& callback : made->unit->spec.callbacks) {
    auto parsed = parse_filter(callback, callback.filter, names.view());
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
  return made->warnings;
}

// Called with `change` held.
void Registry::Impl::remove(std::vector<SubscriptionPtr> leaving) {
  const std::string first = leaving.front()->name;
  const std::size_t count = leaving.size();
  running.take_out(std::move(leaving));
  spdlog::info("{}: removed in epoch {}", count == 1 ? first : fmt::format("{} and {} more", first, count - 1),
               running.epoch());
  const std::size_t left = running.collect();
  const std::lock_guard table_lock(table);
  retiring = left;
  something_retired.notify_one();
  note_change();
}

Result<void> Registry::remove(const std::string& name) {
  const std::lock_guard lock(impl_->change);
  std::vector<SubscriptionPtr> leaving;
  {
    const std::lock_guard table_lock(impl_->table);
    const auto found = impl_->subscriptions.find(name);
    if (found == impl_->subscriptions.end()) return unknown_name(name, impl_->names());
    leaving.push_back(std::move(found->second));
    impl_->subscriptions.erase(found);
  }
  impl_->remove(std::move(leaving));
  return {};
}

Result<std::vector<std::string>> Registry::remove_matching(const std::string& pattern) {
  const std::lock_guard lock(impl_->change);
  std::vector<std::string> names;
  std::vector<SubscriptionPtr> leaving;
  {
    const std::lock_guard table_lock(impl_->table);
    for (auto entry = impl_->subscriptions.begin(); entry != impl_->subscriptions.end();) {
      if (::fnmatch(pattern.c_str(), entry->first.c_str(), 0) != 0) {
        ++entry;
        continue;
      }
      names.push_back(entry->first);
      leaving.push_back(std::move(entry->second));
      entry = impl_->subscriptions.erase(entry);
    }
  }
  if (leaving.empty()) return fail(ErrorCode::not_found, "no subscription's name matches '" + pattern + "'");
  impl_->remove(std::move(leaving));
  return names;
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
  info.source_text = found->second->unit->source.text;
  return info;
}

Status Registry::status() const {
  Status status;
  status.version = IRIS_VERSION;
  status.uptime_seconds = std::chrono::duration<double>(Clock::now() - impl_->started).count();
  {
    const std::lock_guard lock(impl_->table);
    status.epoch = impl_->running.epoch();
    status.subscriptions = static_cast<std::uint32_t>(impl_->subscriptions.size());
    status.retiring = static_cast<std::uint32_t>(impl_->retiring);
  }
  if (impl_->parts.telemetry) impl_->parts.telemetry(status);
  return status;
}

Result<PlanInfo> Registry::explain(const std::string& name) const {
  const std::lock_guard lock(impl_->change);
  std::optional<std::uint32_t> only;
  PlanInfo info;
  {
    const std::lock_guard table_lock(impl_->table);
    info.subscriptions = static_cast<std::uint32_t>(impl_->subscriptions.size());
    if (!name.empty()) {
      const auto found = impl_->subscriptions.find(name);
      if (found == impl_->subscriptions.end()) return unknown_name(name, impl_->names());
      only = found->second->id;
    }
  }
  impl_->running.explain(only, info);
  return info;
}

}  // namespace iris::control
