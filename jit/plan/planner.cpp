#include "jit/plan/planner.hpp"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "jit/index/direct.hpp"
#include "jit/plan/predicates.hpp"

namespace iris::plan {
namespace {

using parsers::Level;

// Beyond this many children that most connections reach, further ones are asked about last.
constexpr std::uint32_t many_wide = 8;

// The one protocol that the predicate is true of at most; 0: there may be several.
std::uint32_t asked_for(const filter::Predicate& predicate) {
  if (predicate.field->level != Level::protocol) return protocol_of(predicate);
  const bool one = predicate.op == filter::Operator::one_of && predicate.operands.size() == 1;
  return one ? static_cast<std::uint32_t>(std::get<std::uint64_t>(predicate.operands.front())) : 0;
}

// What has to be observed for streaming predicates to be evaluated.
abi::Observation observed_for(const std::vector<filter::Clause>& clauses) {
  abi::Observation observation;
  for (const filter::Clause& clause : clauses) {
    for (const filter::Literal& literal : clause) {
      const parsers::Field& field = *literal.predicate.field;
      if (field.level == Level::stream && !field.unindexed) {
        observation |= abi::observation_of(abi::DataType::conn_record, 0);
      }
    }
  }
  return observation;
}

template <class T>
std::vector<T>& own(Shared<T>& shared) {
  if (shared == nullptr) {
    shared = std::make_shared<std::vector<T>>();
  } else if (!index::is_sole(shared)) {
    shared = std::make_shared<std::vector<T>>(*shared);
  }
  return *shared;
}

template <class T>
void trim(Shared<T>& shared) {
  if (shared != nullptr && shared->empty()) shared = nullptr;
}

// Inserts what is not there.
void merge(Shared<const parsers::Field*>& filters, std::span<const parsers::Field* const> others) {
  for (const parsers::Field* filter : others) {
    const auto known = view(filters);
    if (std::ranges::binary_search(known, filter, std::less<>{})) continue;
    auto& list = own(filters);
    list.insert(std::ranges::upper_bound(list, filter, std::less<>{}), filter);
  }
}

// Tells few connections apart: true of most, or of anyone's range of values.
bool is_wide(const filter::Literal& literal) {
  const filter::Operator op = literal.predicate.op;
  return literal.negated || op == filter::Operator::in_range || op == filter::Operator::in_subnet;
}

// What both ask for: the ways that the node has, and the one by `edge`.
void meet(Node& node, const Node& below, const Edge& edge) {
  const bool has_ways = node.oldest_birth != Node::never;
  if (has_ways && node.guards == nullptr) return;
  const auto view_below = view(below.guards);
  std::vector<Edge> way(view_below.begin(), view_below.end());
  if (edge.level == Level::stream) {
    way.insert(std::ranges::upper_bound(way, edge.predicate, {}, &Edge::predicate), edge);
  }
  const auto on_it = [&](const Edge& guard) {
    return std::ranges::any_of(
        way, [&](const Edge& each) { return each.predicate == guard.predicate && each.negated == guard.negated; });
  };
  if (has_ways) {
    std::erase_if(own(node.guards), [&](const Edge& guard) { return !on_it(guard); });
  } else if (!way.empty()) {
    own(node.guards) = std::move(way);
  }
  trim(node.guards);
}

// Whether an index finds whether the predicate is true.
bool is_looked_up(const parsers::Field& field, bool direct) { return !direct && !field.unindexed; }

// Whether it may wait until everything else of its clause is known. Facts of the first packet are kept.
bool may_wait(const filter::Literal& literal, const filter::Clause& clause) {
  if (!is_wide(literal) || !index::is_direct(literal.predicate)) return false;
  return std::ranges::any_of(clause, [](const filter::Literal& other) {
    return !other.negated && other.predicate.field->level != Level::tuple;
  });
}

}  // namespace

Planner::Planner(std::uint32_t workers) : workers_(workers), drafts_(1) {
  plan_.nodes.grow(1);
  plan_.nodes.edit(root).used = true;
  drafts_[root].users = 1;
}

// ---- the trie ------------------------------------------------------------------------------------------------------

NodeId Planner::new_node() {
  if (!free_nodes_.empty()) {
    const NodeId id = free_nodes_.back();
    free_nodes_.pop_back();
    return id;
  }
  drafts_.emplace_back();
  plan_.nodes.grow(drafts_.size());
  return static_cast<NodeId>(drafts_.size() - 1);
}

NodeId Planner::find(NodeId from, PredicateId predicate, bool negated) const {
  const std::uint64_t key = Transition::key_of(from, predicate, negated);
  const Transition* found =
      plan_.transitions.find(index::hash_number(key), [key](const Transition& slot) { return slot.key == key; });
  return found == nullptr ? root : found->child;
}

void Planner::connect(NodeId from, NodeId child) {
  const Draft& draft = drafts_[child];
  Node& node = plan_.nodes.edit(from);
  drafts_[from].children.push_back(child);
  if (draft.direct) {
    own(node.direct).push_back(draft.edge);
    return;
  }
  const std::uint64_t key = Transition::key_of(from, draft.edge.predicate, draft.edge.negated);
  (void)plan_.transitions.edit({key, child}, [key](const Transition& slot) { return slot.key == key; });
  const auto insert = [&](Shared<Edge>& list) {
    std::vector<Edge>& edges = own(list);
    edges.insert(std::ranges::upper_bound(edges, draft.edge.predicate, {}, &Edge::predicate), draft.edge);
  };
  if (draft.edge.negated) return insert(node.negative);
  if (++node.positive <= few_edges) return insert(node.few);
  node.few = nullptr;
}

void Planner::disconnect(NodeId from, NodeId child) {
  const Draft& draft = drafts_[child];
  Node& node = plan_.nodes.edit(from);
  std::erase(drafts_[from].children, child);
  const auto erase = [&](Shared<Edge>& list) {
    std::erase_if(own(list), [child](const Edge& edge) { return edge.child == child; });
    trim(list);
  };
  if (draft.direct) return erase(node.direct);
  const std::uint64_t key = Transition::key_of(from, draft.edge.predicate, draft.edge.negated);
  plan_.transitions.erase(index::hash_number(key), [key](const Transition& slot) { return slot.key == key; });
  if (draft.edge.negated) return erase(node.negative);
  if (--node.positive != few_edges) {
    if (node.few != nullptr) erase(node.few);
    return;
  }
  for (const NodeId other : drafts_[from].children) {  // few again
    if (!drafts_[other].direct && !drafts_[other].edge.negated) own(node.few).push_back(drafts_[other].edge);
  }
  std::ranges::sort(*node.few, {}, &Edge::predicate);
}

Result<NodeId> Planner::descend(NodeId from, const filter::Literal& literal, bool direct) {
  const PredicateId predicate = intern(literal.predicate);
  if (direct) {
    const auto edges = view(plan_.nodes[from].direct);
    const auto known = std::ranges::find_if(
        edges, [&](const Edge& edge) { return edge.predicate == predicate && edge.negated == literal.negated; });
    if (known != edges.end()) {
      ++drafts_[known->child].users;
      return known->child;
    }
  } else if (const NodeId known = find(from, predicate, literal.negated); known != root) {
    ++drafts_[known].users;
    return known;
  }
  const parsers::Field& field = *literal.predicate.field;
  if (auto used = use(predicate, is_looked_up(field, direct)); !used) return std::unexpected(used.error());
  const NodeId id = new_node();
  plan_.new_nodes.push_back(id);
  drafts_[id] = {};
  drafts_[id].parent = from;
  drafts_[id].edge = {.predicate = predicate,
                      .child = id,
                      .level = field.level,
                      .negated = literal.negated,
                      .unindexed = field.unindexed,
                      .protocol = asked_for(literal.predicate)};
  drafts_[id].direct = direct;
  drafts_[id].users = 1;
  plan_.nodes.edit(id) = {};
  plan_.nodes.edit(id).used = true;
  plan_.nodes.edit(id).from_above = drafts_[id].edge;
  connect(from, id);
  if (is_wide(literal)) ++drafts_[from].wide;
  return id;
}

// The node at which the clause ends. On failure nothing has changed.
Result<NodeId> Planner::insert(const filter::Clause& clause) {
  NodeId node = root;
  std::vector<const filter::Literal*> late;
  std::vector<const filter::Literal*> streaming;
  const auto step = [&](const filter::Literal& literal, bool direct) -> Result<void> {
    auto next = descend(node, literal, direct);
    if (next) {
      node = *next;
      return {};
    }
    std::vector<NodeId> freed;
    ascend(node, freed);
    free_nodes_.insert(free_nodes_.end(), freed.begin(), freed.end());  // no connection has seen them
    return std::unexpected(next.error());
  };
  for (const filter::Literal& literal : clause) {
    if (literal.predicate.field->level == Level::stream) {
      streaming.push_back(&literal);
      continue;
    }
    if (drafts_[node].wide >= many_wide && may_wait(literal, clause)) {
      const auto predicate = number_of(literal.predicate);
      if (!predicate || find(node, *predicate, literal.negated) == root) {
        late.push_back(&literal);
        continue;
      }
    }
    const bool direct = literal.predicate.field->unindexed && !literal.negated;
    if (auto stepped = step(literal, direct); !stepped) return std::unexpected(stepped.error());
  }
  // Streaming ones last, so that a pending node waits for nothing else.
  late.insert(late.end(), streaming.begin(), streaming.end());
  for (const filter::Literal* literal : late) {
    if (auto stepped = step(*literal, true); !stepped) return std::unexpected(stepped.error());
  }
  return node;
}

void Planner::ascend(NodeId from, std::vector<NodeId>& freed) {
  while (from != root) {
    Draft& draft = drafts_[from];
    const NodeId parent = draft.parent;
    if (--draft.users == 0) {
      disconnect(parent, from);
      if (is_wide({*predicates_[draft.edge.predicate].predicate, draft.edge.negated})) --drafts_[parent].wide;
      disuse(draft.edge.predicate, is_looked_up(*predicates_[draft.edge.predicate].predicate->field, draft.direct));
      draft = {};
      plan_.nodes.edit(from) = {};
      freed.push_back(from);
    } else {
      refresh(from);
    }
    from = parent;
  }
  refresh(root);
}

void Planner::include(NodeId id, const Node& below, const Edge& edge) {
  Node& node = plan_.nodes.edit(id);
  meet(node, below, edge);
  if (edge.level == Level::protocol) node.awaits_protocol = true;
  if (edge.level == Level::session) node.awaits_sessions |= std::uint64_t{1} << edge.protocol;
  if (edge.level == Level::stream) node.tells_sessions |= below.tells_sessions;
  if (edge.unindexed && edge.level == Level::session && !edge.negated) node.asks_sessions = true;
  if (edge.unindexed && edge.level == Level::stream) {
    const parsers::Field* filter = predicates_[edge.predicate].predicate->field;
    merge(node.verdicts, {&filter, 1});
  }
  merge(node.verdicts, view(below.verdicts));
  if (edge.negated && edge.level != Level::tuple) node.awaits_end = true;
  node.observes |= below.observes;
  node.oldest_birth = std::min(node.oldest_birth, below.oldest_birth);
}

void Planner::include(NodeId id, ActionId action_id) {
  Node& node = plan_.nodes.edit(id);
  const Action& action = plan_.actions[action_id];
  if (action.scope == Scope::session) {
    node.awaits_sessions |= std::uint64_t{1} << action.protocol;
    node.tells_sessions |= std::uint64_t{1} << action.protocol;
  }
  node.guards = nullptr;
  node.observes |= actions_[action_id].observes;
  node.oldest_birth = std::min(node.oldest_birth, action.birth);
}

void Planner::refresh(NodeId id) {
  {
    Node& node = plan_.nodes.edit(id);
    node.awaits_protocol = node.awaits_end = false;
    node.awaits_sessions = node.tells_sessions = 0;
    node.asks_sessions = false;
    node.verdicts = nullptr;
    node.observes = {};
    node.guards = nullptr;
    node.oldest_birth = Node::never;
  }
  for (const NodeId child : drafts_[id].children) include(id, plan_.nodes[child], drafts_[child].edge);
  for (const ActionId action : view(plan_.nodes[id].actions)) include(id, action);
}

// ---- actions -------------------------------------------------------------------------------------------------------

Result<std::vector<filter::Clause>> Planner::clauses_of(const Request& request) const {
  if (request.scope == Scope::connection) return request.filter.clauses;
  const std::string_view protocol = parsers::registry()[request.protocol].name;
  auto narrowed = filter::narrowed(request.filter, protocol);
  if (narrowed) return std::move(narrowed->clauses);
  return fail(ErrorCode::invalid, "filter '" + request.filter.text + "' can never be true for a session of " +
                                      std::string(protocol) + ", which the callback takes");
}

ActionId Planner::new_action() {
  if (!free_actions_.empty()) {
    const ActionId id = free_actions_.back();
    free_actions_.pop_back();
    return id;
  }
  actions_.emplace_back();
  plan_.actions.grow(actions_.size());
  return static_cast<ActionId>(actions_.size() - 1);
}

Result<ActionId> Planner::add(const Request& request) {
  auto clauses = clauses_of(request);
  if (!clauses) return std::unexpected(clauses.error());
  const ActionId id = new_action();
  actions_[id] = {};
  actions_[id].observes = request.observes;
  actions_[id].observes |= observed_for(*clauses);
  Action& action = plan_.actions.edit(id);
  action = {.subscription = request.subscription,
            .birth = request.birth,
            .scope = request.scope,
            .several_clauses = clauses->size() > 1,
            .tracked = actions_[id].observes.any(),
            .alive = true,
            .protocol = request.protocol,
            .text = std::make_shared<const ActionText>(request.name, request.filter.text)};
  for (const filter::Clause& clause : *clauses) {
    const auto terminal = insert(clause);
    if (!terminal) {
      remove(id);
      forget(id);
      return std::unexpected(terminal.error());
    }
    std::vector<ActionId>& ends = own(plan_.nodes.edit(*terminal).actions);
    ends.insert(std::ranges::upper_bound(ends, id), id);
    actions_[id].terminals.push_back(*terminal);
    Reach reach = reach_of(clause);
    packet_filter_.add(reach);
    if (reach.kind == Reach::Kind::all) {
      ++actions_[id].reaching_all;
    } else {
      actions_[id].reaches.push_back(std::move(reach));
    }
    include(*terminal, id);
    for (NodeId below = *terminal; below != root; below = drafts_[below].parent) {
      include(drafts_[below].parent, plan_.nodes[below], drafts_[below].edge);
    }
  }
  return id;
}

void Planner::remove(ActionId id) {
  plan_.actions.edit(id).alive = false;
  ActionDraft& draft = actions_[id];
  for (const NodeId terminal : draft.terminals) {
    Shared<ActionId>& ends = plan_.nodes.edit(terminal).actions;
    std::erase(own(ends), id);
    trim(ends);
    ascend(terminal, draft.freed);
  }
  draft.terminals.clear();
  for (const Reach& reach : draft.reaches) packet_filter_.remove(reach);
  draft.reaches.clear();
  for (; draft.reaching_all != 0; --draft.reaching_all) packet_filter_.remove(Reach{});
}

void Planner::forget(ActionId id) {
  free_nodes_.insert(free_nodes_.end(), actions_[id].freed.begin(), actions_[id].freed.end());
  actions_[id] = {};
  plan_.actions.edit(id) = {};
  free_actions_.push_back(id);
}

Result<std::shared_ptr<const Plan>> Planner::snapshot(std::uint32_t epoch) {
  for (auto& [key, family] : families_) {
    if (family.index != nullptr) continue;
    auto built = family.builder->snapshot();
    if (!built) return std::unexpected(built.error());
    family.index = std::move(*built);
  }
  if (plan_.some_sessions == nullptr && !some_sessions_.empty()) {
    auto all = std::make_shared<std::vector<SomeSession>>();
    for (const auto& [field, some] : some_sessions_) all->push_back(some);
    plan_.some_sessions = std::move(all);
  }
  auto plan = std::make_shared<Plan>(plan_);
  plan_.new_nodes.clear();
  plan_.new_families.clear();
  plan->epoch = epoch;
  plan->families = families();
  plan->packet_filter = packet_filter_.snapshot();
  return plan;
}

std::vector<Step> Planner::steps() const {
  std::vector<Step> all;
  std::vector<Step> open{{root, 0, {}, false, drafts_[root].users}};
  while (!open.empty()) {
    const Step step = open.back();
    open.pop_back();
    all.push_back(step);
    std::vector<NodeId> children = drafts_[step.node].children;
    std::ranges::sort(children, {}, [&](NodeId child) {
      const Draft& draft = drafts_[child];
      return std::tuple(draft.direct, draft.edge.negated, draft.edge.predicate);
    });
    for (auto child = children.rbegin(); child != children.rend(); ++child) {
      const Draft& draft = drafts_[*child];
      open.push_back({*child, step.depth + 1, draft.edge, draft.direct, draft.users});
    }
  }
  return all;
}

std::vector<NodeId> Planner::nodes_of(ActionId action) const {
  std::vector<NodeId> nodes;
  for (NodeId node : actions_[action].terminals) {
    for (; node != root; node = drafts_[node].parent) nodes.push_back(node);
  }
  nodes.push_back(root);
  std::ranges::sort(nodes);
  const auto rest = std::ranges::unique(nodes);
  nodes.erase(rest.begin(), rest.end());
  return nodes;
}

}  // namespace iris::plan
