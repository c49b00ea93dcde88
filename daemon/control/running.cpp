#include "daemon/control/running.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/output/output.hpp"
#include "daemon/publish/publisher.hpp"

namespace iris::control {
namespace {

void set_straight(conn::Pipeline& pipeline, const std::array<std::shared_ptr<const codegen::Straight>, 2>& straights) {
  const auto& [connections, packets] = straights;
  if (connections != nullptr) pipeline.straight = connections;
  if (packets != nullptr && pipeline.packets) pipeline.packets->straight = packets;
}

// Of any of these, that some connection holds.
bool have_objects(const auto& callees) {
  return std::ranges::any_of(callees, [](const auto& callee) { return callee->counters.objects.load() != 0; });
}

}  // namespace

void set_scope(const frontend::Callback& callback, plan::Request& request) {
  if (callback.state) return;
  const std::string protocol = frontend::sessions_of(callback.functions.front());
  if (protocol.empty()) return;
  request.scope = plan::Scope::session;
  request.protocol = parsers::protocol_number(protocol);
}

Running::Running(const RegistryParts& parts)
    : parts_(parts),
      connections_(parts.workers),
      packets_(parts.workers),
      dispatcher_(parts.engine),
      straightener_(parts.engine) {}

Result<void> Running::start() {
  // The code generator's first run takes ten times as long as the next: not in somebody's `add`.
  const codegen::FamilyShape first{&parsers::service_field, filter::Operator::one_of};
  if (auto warm = dispatcher_.compile({&first, 1}); !warm) return std::unexpected(warm.error());
  return publish_next(nullptr);
}

// Makes a pipeline of what the planners hold now and publishes it. On failure nothing has changed. `watch` may be null.
Result<void> Running::publish_next(Stopwatch* watch) {
  const auto lap = [&](const char* stage) {
    if (watch != nullptr) watch->lap(stage);
  };
  auto pipeline = std::make_shared<conn::Pipeline>();
  pipeline->epoch = epoch_ + 1;
  if (auto merged = connections_.merge(pipeline->epoch, dispatcher_, *pipeline, lap); !merged) return merged;
  pipeline->session_data_wanted = connections_.takes_session_data != 0;
  for (const auto& [field, named] : named_) {
    pipeline->filters.push_back(named.code);
    pipeline->session_data_wanted |= named.code->has(Event::L7InSession);
  }
  if (packets_.live != 0) {
    if (auto merged = packets_.merge(pipeline->epoch, dispatcher_, pipeline->packets.emplace(), lap); !merged)
      return merged;
  }
  if (parts_.straighten == Straighten::at_once) set_straight(*pipeline, straightened(to_straighten(*pipeline)));
  publish(std::move(pipeline));
  lap("publish");
  ++epoch_;
  return {};
}

void Running::publish(std::shared_ptr<const conn::Pipeline> pipeline) {
  parts_.publisher.publish(pipeline);
  live_ = std::move(pipeline);
}

// What the request's filter names of the author's.
void Running::name_filters(Subscription& subscription, plan::Request& request) {
  const Unit& unit = *subscription.unit;
  for (std::size_t i = 0; i < unit.filters.size(); ++i) {
    const parsers::Field* field = &unit.filters[i]->field();
    const auto names_it = [field](const filter::Literal& literal) { return literal.predicate.field == field; };
    const bool named = std::ranges::any_of(
        request.filter.clauses, [&](const filter::Clause& clause) { return std::ranges::any_of(clause, names_it); });
    if (!named) continue;
    Named& entry = named_[field];
    entry.code = unit.filter_code[i];
    ++entry.users;
    subscription.named.push_back(entry.code.get());
    request.observes |= entry.code->observes;
  }
}

void Running::unname_filters(Subscription& subscription) {
  for (const conn::Callee* filter : subscription.named) {
    const auto entry = named_.find(filter->filter);
    if (--entry->second.users == 0) named_.erase(entry);
  }
  subscription.named.clear();
}

Result<void> Running::plan_in(Subscription& subscription) {
  const UnitNames names = subscription.names();
  for (std::size_t i = 0; i < subscription.callees.size(); ++i) {
    const frontend::Callback& callback = subscription.unit->spec.callbacks[i];
    const conn::Callee& callee = *subscription.callees[i];
    auto parsed = parse_filter(callback, subscription.filters[i], names.view());
    if (!parsed) return std::unexpected(parsed.error());
    plan::Request request;
    request.subscription = subscription.id;
    request.birth = epoch_ + 1;
    request.filter = std::move(*parsed);
    request.observes = callee.observes;
    request.name = subscription.name + "/" + callback.name;
    set_scope(callback, request);
    name_filters(subscription, request);
    Side& side = side_of(callback);
    const auto action = side.planner.add(request);
    if (!action) return std::unexpected(action.error());
    ++side.live;
    side.takes_session_data += callee.has(Event::L7InSession) ? 1 : 0;
    subscription.actions.push_back({&side, *action});
    side.callees.grow(*action + 1);
    side.callees.edit(*action) = subscription.callees[i];
  }
  return {};
}

void Running::plan_out(Subscription& subscription) {
  unname_filters(subscription);
  for (const auto [side, action] : subscription.actions) {
    side->planner.remove(action);
    --side->live;
    side->takes_session_data -= side->callees[action]->has(Event::L7InSession) ? 1 : 0;
  }
}

void Running::forget(Subscription& subscription) {
  for (const auto [side, action] : subscription.actions) {
    side->planner.forget(action);
    side->callees.edit(action) = nullptr;
  }
  parts_.output.retire(subscription.id);
  forget_unit(subscription.unit);
}

Result<void> Running::take_in(Subscription& subscription) {
  subscription.id = next_id_++;
  subscription.epoch = epoch_ + 1;
  ++unit_users_[subscription.unit.get()];
  auto callees = callees_of(*subscription.unit, subscription.id);
  if (!callees) return std::unexpected(callees.error());
  subscription.callees = std::move(*callees);
  auto known = parts_.output.register_subscription(subscription.id, subscription.name, subscription.unit->rows);
  return known ? plan_in(subscription) : known;
}

Result<void> Running::take_in(std::span<const SubscriptionPtr> newcomers, Stopwatch& watch) {
  (void)collect();
  Result<void> done;
  std::size_t begun = 0;
  while (done && begun < newcomers.size()) done = take_in(*newcomers[begun++]);
  if (done) done = publish_next(&watch);
  if (done) return {};
  for (const SubscriptionPtr& newcomer : newcomers.first(begun)) {
    plan_out(*newcomer);
    forget(*newcomer);
  }
  return done;
}

void Running::take_out(std::vector<SubscriptionPtr> leaving) {
  bool known = false;
  for (const SubscriptionPtr& subscription : leaving) {
    plan_out(*subscription);
    // When a pipeline without them runs, packets have no part in it.
    known |= std::ranges::any_of(subscription->actions,
                                 [&](const Planned& planned) { return planned.side == &connections_; });
  }
  std::uint32_t gone = known ? epoch_ + 1 : 0;
  if (auto published = publish_next(nullptr); !published) {
    // Only a lack of memory gets here. Their actions are dead in the next pipeline that can be made.
    spdlog::error("removed, but no new pipeline could be made: {}", published.error().message);
    gone = epoch_ + 1;
  }
  for (SubscriptionPtr& subscription : leaving) retired_.push_back({std::move(subscription), gone});
}

std::optional<Running::Improvement> Running::tidy() {
  for (Side* side : {&connections_, &packets_}) {
    auto tidying = side->planner.tidy();
    if (!tidying) continue;
    const auto shared = std::make_shared<const plan::Planner::Tidying>(std::move(*tidying));
    return Improvement{[shared] { shared->work->work(); },
                       [this, side, shared] {
                         if (!side->planner.finish(*shared)) return false;
                         // It will be live with the next change, if not now.
                         if (auto published = publish_next(nullptr); !published) {
                           spdlog::warn("not tidied: {}", published.error().message);
                         }
                         return true;
                       }};
  }
  return std::nullopt;
}

std::optional<Running::Improvement> Running::straighten() {
  if (parts_.straighten != Straighten::behind || live_->epoch == straightened_) return std::nullopt;
  const Plans plans = to_straighten(*live_);
  if (plans == Plans{}) return std::nullopt;
  const auto made = std::make_shared<Straights>();
  return Improvement{[this, plans, made] { *made = straightened(plans); },
                     [this, plans, made, epoch = live_->epoch] {
                       if (live_->epoch != epoch) return false;
                       straightened_ = epoch;
                       auto pipeline = std::make_shared<conn::Pipeline>(*live_);
                       ++pipeline->edition;
                       set_straight(*pipeline, *made);
                       publish(std::move(pipeline));
                       return true;
                     }};
}

Running::Plans Running::to_straighten(const conn::Pipeline& pipeline) const {
  const auto plan_of = [](const Side& side, const conn::Merged& merged) {
    const bool wanted = side.live != 0 && merged.straight == nullptr && codegen::is_small(*merged.plan);
    return wanted ? merged.plan : nullptr;
  };
  return {plan_of(connections_, pipeline), pipeline.packets ? plan_of(packets_, *pipeline.packets) : nullptr};
}

Running::Straights Running::straightened(const Plans& plans) {
  Straights straights;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    if (plans[i] == nullptr) continue;
    auto made = straightener_.compile(*plans[i]);
    if (made) {
      straights[i] = std::move(*made);
    } else {
      spdlog::warn("look-ups go on, as there is no straight-line code: {}", made.error().message);
    }
  }
  return straights;
}

std::size_t Running::collect() {
  const std::uint32_t oldest = parts_.publisher.oldest_epoch();
  std::erase_if(retired_, [&](const Retired& entry) {
    if (oldest < entry.epoch) return false;
    if (have_objects(entry.subscription->callees)) return false;
    forget(*entry.subscription);
    return true;
  });
  std::erase_if(retired_units_, [](const auto& unit) { return !have_objects(unit->filter_code); });
  return retired_.size() + retired_units_.size();
}

// When its last subscription is forgotten.
void Running::forget_unit(const std::shared_ptr<const Unit>& unit) {
  const auto entry = unit_users_.find(unit.get());
  if (--entry->second != 0) return;
  unit_users_.erase(entry);
  if (have_objects(unit->filter_code)) retired_units_.push_back(unit);
}

}  // namespace iris::control
