// What `explain` tells: the planners' graphs, with the workers' counts.
#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "daemon/conn/tracker.hpp"
#include "daemon/control/running.hpp"

namespace iris::control {
namespace {

using Trackers = std::vector<const conn::Tracker*>;

// Of others that a subscription shares a node with: how many are named.
constexpr std::size_t most_named = 4;

std::string_view name_of(conn::Work work) {
  switch (work) {
    case conn::Work::connections:
      return "connections";
    case conn::Work::lookups:
      return "look-ups";
    case conn::Work::plan:
      return "plan";
    case conn::Work::reassembly:
      return "reassembly";
    case conn::Work::parsers:
      return "parsers";
    case conn::Work::callbacks:
      return "callbacks";
  }
  return {};
}

std::uint64_t cycles_of(const Trackers& trackers, conn::Work work) {
  std::uint64_t sum = 0;
  for (const conn::Tracker* tracker : trackers) sum += tracker->meter().cycles(work);
  return sum;
}

std::uint64_t all_cycles(const Trackers& trackers) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < conn::works; ++i) sum += cycles_of(trackers, static_cast<conn::Work>(i));
  return sum;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

bool is_straight(const conn::Pipeline& pipeline, bool of_packets) {
  if (!of_packets) return pipeline.straight != nullptr;
  return pipeline.packets && pipeline.packets->straight != nullptr;
}

// One side's graph.
class Teller {
 public:
  // `filters`: authors' own.
  Teller(const Side& side, bool of_packets, const Trackers& trackers, std::span<const conn::Callee* const> filters)
      : side_(side),
        of_packets_(of_packets),
        trackers_(trackers),
        user_filters_(filters),
        cycles_(all_cycles(trackers)) {}

  [[nodiscard]] GraphInfo tell(std::optional<std::uint32_t> only) {
    only_ = only;
    if (only) look_for(*only);
    GraphInfo graph;
    graph.of_packets = of_packets_;
    for (const plan::Step& step : side_.planner.steps()) {
      if (!only || own_.contains(step.node)) graph.nodes.push_back(node(step));
    }
    std::uint32_t number = 0;
    for (const plan::Family& family : side_.planner.families()) {
      if (family.field != nullptr && (!only || families_.contains(number))) {
        graph.lookups.push_back(lookup(number, family));
      }
      ++number;
    }
    for (const conn::Callee* filter : user_filters_) {
      if (only && !own_filters_.contains(filter->filter)) continue;
      graph.lookups.push_back({std::string(filter->filter->name), "(C++)", 1, filter->counters.calls.load(),
                               share(filter->counters.cycles.load(), cycles_)});
    }
    return graph;
  }

 private:
  template <class Visit>
  void each_action(Visit visit) const {
    const plan::Plan& plan = side_.planner.current();
    for (plan::ActionId id = 0; id < plan.actions.size(); ++id) {
      if (plan.actions[id].alive) visit(id, plan.actions[id]);
    }
  }

  // Which nodes are on the way to its callbacks, and who else passes there.
  void look_for(std::uint32_t subscription) {
    each_action([&](plan::ActionId id, const plan::Action& action) {
      if (action.subscription != subscription) return;
      for (const plan::NodeId node : side_.planner.nodes_of(id)) own_.insert(node);
    });
    each_action([&](plan::ActionId id, const plan::Action& action) {
      if (action.subscription == subscription) return;
      const std::string& name = action.text->name;
      for (const plan::NodeId node : side_.planner.nodes_of(id)) {
        if (node != plan::root && own_.contains(node)) others_[node].insert(name.substr(0, name.rfind('/')));
      }
    });
    for (const plan::Step& step : side_.planner.steps()) {
      if (step.depth == 0 || !own_.contains(step.node)) continue;
      if (step.edge.unindexed) look_into(*side_.planner.current().predicates[step.edge.predicate]->field);
      if (!step.direct) add_family_of(step.edge.predicate);
    }
  }

  // An author's filter, or none(…), which asks what is in it of every session.
  void look_into(const parsers::Field& filter) {
    own_filters_.insert(&filter);
    const auto& all = side_.planner.current().some_sessions;
    if (all == nullptr) return;
    const auto some = std::ranges::find(*all, &filter, &plan::SomeSession::field);
    if (some == all->end()) return;
    for (const plan::SomeSession::Part& part : some->parts) add_family_of(part.predicate);
  }

  void add_family_of(plan::PredicateId predicate) {
    if (const auto family = side_.planner.family_of(predicate)) families_.insert(*family);
  }

  [[nodiscard]] PlanNodeInfo node(const plan::Step& step) const {
    const plan::Plan& plan = side_.planner.current();
    PlanNodeInfo info;
    info.depth = step.depth;
    if (step.depth != 0) {
      info.literal = filter::to_text(filter::Literal{*plan.predicates[step.edge.predicate], step.edge.negated});
    }
    info.direct = step.direct;
    info.filters = step.depth == 0 ? 0 : step.clauses;
    std::uint64_t cycles = 0;
    for (const conn::Tracker* tracker : trackers_) {
      info.reached += tally(*tracker).reached(step.node);
      cycles += tally(*tracker).cycles(step.node);
    }
    info.share = share(cycles, cycles_);
    if (const auto others = others_.find(step.node); others != others_.end()) {
      for (const std::string& name : others->second) {
        if (info.shared_with.size() < most_named) info.shared_with.push_back(name);
      }
      if (others->second.size() > most_named) {
        info.shared_with.push_back(std::to_string(others->second.size() - most_named) + " more");
      }
    }
    for (const plan::ActionId id : plan::view(plan.nodes[step.node].actions)) {
      const plan::Action& action = plan.actions[id];
      if (!only_ || action.subscription == *only_) info.callbacks.push_back(callback(id, action));
    }
    return info;
  }

  [[nodiscard]] PlanCallbackInfo callback(plan::ActionId id, const plan::Action& action) const {
    const conn::CallbackCounters& counters = side_.callees[id]->counters;
    return {action.text->name, action.scope == plan::Scope::session, counters.matched.load(), counters.calls.load(),
            share(counters.cycles.load(), cycles_)};
  }

  [[nodiscard]] LookupInfo lookup(std::uint32_t number, const plan::Family& family) const {
    LookupInfo info;
    const std::string_view protocol = filter::protocol_of(*family.field);
    info.field = std::string(protocol) + (protocol.empty() ? "" : ".") + std::string(family.field->name);
    info.op = filter::spelling(family.op);
    info.predicates = side_.planner.predicates_of(number);
    std::uint64_t cycles = 0;
    for (const conn::Tracker* tracker : trackers_) {
      info.count += tally(*tracker).evaluations(number);
      cycles += tally(*tracker).lookup_cycles(number);
    }
    info.share = share(cycles, cycles_);
    return info;
  }

  [[nodiscard]] const conn::Tally& tally(const conn::Tracker& tracker) const {
    return of_packets_ ? tracker.packet_events().tally() : tracker.tally();
  }

  const Side& side_;
  const bool of_packets_;
  const Trackers& trackers_;
  const std::span<const conn::Callee* const> user_filters_;
  const std::uint64_t cycles_;
  // Of one subscription.
  std::optional<std::uint32_t> only_;
  std::set<plan::NodeId> own_;
  std::map<plan::NodeId, std::set<std::string>> others_;
  std::set<std::uint32_t> families_;
  std::set<const parsers::Field*> own_filters_;
};

}  // namespace

void Running::explain(std::optional<std::uint32_t> only, PlanInfo& info) const {
  const Trackers trackers = parts_.trackers ? parts_.trackers() : Trackers{};
  info.epoch = epoch_;
  for (const conn::Tracker* tracker : trackers) {
    info.packets += tracker->counters().packets.load();
    info.samples += tracker->meter().samples();
  }
  const std::uint64_t all = all_cycles(trackers);
  for (std::size_t i = 0; i < conn::works; ++i) {
    const auto work = static_cast<conn::Work>(i);
    info.work.push_back({std::string(name_of(work)), share(cycles_of(trackers, work), all)});
  }
  for (std::uint32_t number = 0; number < parsers::registry().size(); ++number) {
    std::uint64_t cycles = 0;
    for (const conn::Tracker* tracker : trackers) cycles += tracker->meter().parser_cycles(number);
    const std::string_view name = number == 0 ? "which protocol?" : parsers::registry()[number].name;
    if (cycles != 0) info.parsers.push_back({std::string(name), share(cycles, all)});
  }
  std::ranges::sort(info.parsers, std::ranges::greater(),
                    [](const WorkInfo& each) { return std::tie(each.share, each.name); });
  std::vector<const conn::Callee*> filters;
  filters.reserve(named_.size());
  for (const auto& [field, named] : named_) filters.push_back(named.code.get());
  std::ranges::sort(filters, {}, [](const conn::Callee* filter) { return filter->filter->name; });
  for (const bool of_packets : {false, true}) {
    const Side& side = of_packets ? packets_ : connections_;
    if (side.live == 0) continue;
    GraphInfo graph =
        Teller(side, of_packets, trackers, of_packets ? std::span<const conn::Callee*>() : filters).tell(only);
    graph.straight = is_straight(*live_, of_packets);
    if (!graph.nodes.empty()) info.graphs.push_back(std::move(graph));
  }
}

}  // namespace iris::control
