#include "jit/plan/planner.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace iris::plan {
namespace {

std::uint32_t protocol_number(std::string_view name) {
  const auto all = parsers::registry();
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].name == name) return static_cast<std::uint32_t>(i);
  }
  return 0;
}

std::uint32_t protocol_of(const filter::Predicate& predicate) {
  if (predicate.field->level != parsers::Level::session) return 0;
  return protocol_number(filter::protocol_of(*predicate.field));
}

// The filter of a callback that takes sessions of a protocol: that protocol is part of every clause. nullopt when it
// can never be true.
std::optional<filter::Filter> for_sessions(const filter::Filter& filter, std::string_view protocol) {
  const std::string text(protocol);
  auto narrowed = filter::parse(filter.text.empty() ? text : "(" + filter.text + ") and " + text);
  if (!narrowed) return std::nullopt;
  return std::move(*narrowed);
}

}  // namespace

Planner::Planner(std::uint32_t workers) : workers_(workers), nodes_(1) { nodes_[root].users = 1; }

Planner::FamilyKey Planner::family_of(const filter::Predicate& predicate) {
  return {predicate.field->level, protocol_of(predicate), predicate.field, predicate.op};
}

PredicateId Planner::acquire(const filter::Predicate& predicate) {
  if (const auto known = predicate_ids_.find(predicate); known != predicate_ids_.end()) {
    ++predicates_[known->second].users;
    return known->second;
  }
  PredicateId id = 0;
  if (free_predicates_.empty()) {
    id = static_cast<PredicateId>(predicates_.size());
    predicates_.emplace_back();
  } else {
    id = free_predicates_.back();
    free_predicates_.pop_back();
  }
  predicates_[id] = {predicate, 1};
  predicate_ids_.emplace(predicate, id);
  FamilyDraft& family = families_[family_of(predicate)];
  family.predicates.insert(id);
  family.index = nullptr;
  return id;
}

void Planner::release(const filter::Predicate& predicate) {
  const PredicateId id = predicate_ids_.at(predicate);
  if (--predicates_[id].users != 0) return;
  const auto family = families_.find(family_of(predicate));
  family->second.predicates.erase(id);
  family->second.index = nullptr;
  if (family->second.predicates.empty()) families_.erase(family);
  predicates_[id] = {};
  predicate_ids_.erase(predicate);
  free_predicates_.push_back(id);
}

NodeId Planner::descend(NodeId from, const filter::Literal& literal) {
  if (const auto known = nodes_[from].children.find(literal); known != nodes_[from].children.end()) {
    ++nodes_[known->second].users;
    return known->second;
  }
  NodeId id = 0;
  if (free_nodes_.empty()) {
    id = static_cast<NodeId>(nodes_.size());
    nodes_.emplace_back();
  } else {
    id = free_nodes_.back();
    free_nodes_.pop_back();
  }
  nodes_[id] = {};
  nodes_[id].parent = from;
  nodes_[id].literal = literal;
  nodes_[id].users = 1;
  nodes_[from].children.emplace(literal, id);
  const Edge edge{acquire(literal.predicate), id, literal.predicate.field->level, protocol_of(literal.predicate)};
  auto& edges = literal.negated ? nodes_[from].node.negative : nodes_[from].node.positive;
  edges.insert(std::ranges::upper_bound(edges, edge.predicate, {}, &Edge::predicate), edge);
  return id;
}

void Planner::ascend(NodeId from, std::vector<NodeId>& freed) {
  while (from != root) {
    Draft& draft = nodes_[from];
    const NodeId parent = draft.parent;
    if (--draft.users == 0) {
      auto& edges = draft.literal.negated ? nodes_[parent].node.negative : nodes_[parent].node.positive;
      std::erase_if(edges, [&](const Edge& edge) { return edge.child == from; });
      nodes_[parent].children.erase(draft.literal);
      release(draft.literal.predicate);
      draft = {};
      freed.push_back(from);
    } else {
      refresh(from);
    }
    from = parent;
  }
  refresh(root);
}

void Planner::refresh(NodeId id) {
  Draft& draft = nodes_[id];
  Node& node = draft.node;
  node.awaits_protocol = node.awaits_end = false;
  node.observes = {};
  node.awaits_sessions = 0;
  node.oldest_birth = 0xffffffffU;
  const auto note = [&](const Edge& edge) {
    if (edge.level == parsers::Level::protocol) node.awaits_protocol = true;
    if (edge.level == parsers::Level::session) node.awaits_sessions |= std::uint64_t{1} << edge.protocol;
    node.observes |= nodes_[edge.child].node.observes;
    node.oldest_birth = std::min(node.oldest_birth, nodes_[edge.child].node.oldest_birth);
  };
  std::ranges::for_each(node.positive, note);
  std::ranges::for_each(node.negative, note);
  for (const Edge& edge : node.negative) node.awaits_end |= edge.level != parsers::Level::tuple;
  for (const ActionId id_of_action : node.actions) {
    const Action& action = actions_[id_of_action].action;
    if (action.scope == Scope::session) node.awaits_sessions |= std::uint64_t{1} << action.protocol;
    node.observes |= action.observes;
    node.oldest_birth = std::min(node.oldest_birth, action.birth);
  }
  draft.frozen = nullptr;
}

Result<ActionId> Planner::add(const Request& request) {
  std::vector<filter::Clause> clauses = request.filter.clauses;
  if (request.scope == Scope::session) {
    const std::string_view protocol = parsers::registry()[request.protocol].name;
    auto narrowed = for_sessions(request.filter, protocol);
    if (!narrowed) {
      return fail(ErrorCode::invalid, "filter '" + request.filter.text + "' can never be true for a session of " +
                                          std::string(protocol) + ", which the callback takes");
    }
    clauses = std::move(narrowed->clauses);
  }
  ActionId id = 0;
  if (free_actions_.empty()) {
    id = static_cast<ActionId>(actions_.size());
    actions_.emplace_back();
  } else {
    id = free_actions_.back();
    free_actions_.pop_back();
  }
  actions_[id] = {};
  Action& action = actions_[id].action;
  action.subscription = request.subscription;
  action.birth = request.birth;
  action.scope = request.scope;
  action.protocol = request.protocol;
  action.several_clauses = clauses.size() > 1;
  action.observes = request.observes;
  action.alive = true;
  action.name = request.name;
  action.filter = request.filter.text;
  for (const filter::Clause& clause : clauses) {
    NodeId node = root;
    for (const filter::Literal& literal : clause) node = descend(node, literal);
    nodes_[node].node.actions.push_back(id);
    actions_[id].terminals.push_back(node);
    for (NodeId above = node;; above = nodes_[above].parent) {
      refresh(above);
      if (above == root) break;
    }
  }
  return id;
}

void Planner::remove(ActionId id) {
  ActionDraft& draft = actions_[id];
  draft.action.alive = false;
  for (const NodeId terminal : draft.terminals) {
    std::erase(nodes_[terminal].node.actions, id);
    ascend(terminal, draft.freed);
  }
  draft.terminals.clear();
}

void Planner::forget(ActionId id) {
  free_nodes_.insert(free_nodes_.end(), actions_[id].freed.begin(), actions_[id].freed.end());
  actions_[id] = {};
  free_actions_.push_back(id);
}

Result<void> Planner::build_indexes() {
  for (auto& [key, family] : families_) {
    if (family.index != nullptr) continue;
    std::vector<index::Entry> entries;
    entries.reserve(family.predicates.size());
    for (const PredicateId id : family.predicates) entries.push_back({&predicates_[id].predicate, id});
    auto built = index::build(entries, workers_);
    if (!built) return std::unexpected(built.error());
    family.index = std::move(*built);
  }
  return {};
}

Result<std::shared_ptr<const Plan>> Planner::snapshot(std::uint32_t epoch) {
  if (auto built = build_indexes(); !built) return std::unexpected(built.error());
  auto plan = std::make_shared<Plan>();
  plan->epoch = epoch;
  plan->nodes.reserve(nodes_.size());
  for (Draft& draft : nodes_) {
    if (draft.users == 0) {
      plan->nodes.push_back(nullptr);
      continue;
    }
    if (draft.frozen == nullptr) draft.frozen = std::make_shared<const Node>(draft.node);
    plan->nodes.push_back(draft.frozen);
  }
  plan->actions.reserve(actions_.size());
  for (const ActionDraft& draft : actions_) plan->actions.push_back(draft.action);
  plan->families.reserve(families_.size());
  for (const auto& [key, family] : families_) plan->families.push_back({key.field, key.op, family.index});
  plan->predicates.resize(predicates_.size());
  for (const auto& [predicate, id] : predicate_ids_) plan->predicates[id] = filter::to_text(predicate);
  return plan;
}

}  // namespace iris::plan
