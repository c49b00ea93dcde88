#include "daemon/conn/progress.hpp"

#include <algorithm>

namespace iris::conn {
namespace {

// Where one list is this many times longer than the other, looking each element of the shorter up beats merging.
constexpr std::size_t lopsided = 8;

bool awaits(const plan::Node& node, std::uint32_t protocol) { return (node.awaits_sessions >> protocol & 1U) != 0; }

}  // namespace

const plan::Node* Progress::node(plan::NodeId id) const {
  return id < plan_->nodes.size() ? plan_->nodes[id].get() : nullptr;
}

void Progress::report(const plan::Node& node, bool sessions_only) {
  for (const plan::ActionId id : node.actions) {
    const plan::Action& action = plan_->actions[id];
    if (!action.alive || action.birth > birth_) continue;
    const bool per_session = action.scope == plan::Scope::session;
    if (!per_session && sessions_only) continue;
    if (per_session && (moment_ != Moment::session || action.protocol != known_.protocol)) continue;
    const Match match{id, moment_ == Moment::session};
    if (std::ranges::find(matches_, match) == matches_.end()) matches_.push_back(match);
  }
}

// Whether a negative edge can be taken at this moment, and could not before.
bool Progress::now_false(const plan::Edge& edge) const {
  using parsers::Level;
  const auto unreported = [&] { return !std::ranges::binary_search(truths_, edge.predicate); };
  switch (moment_) {
    case Moment::tuple:
      return edge.level == Level::tuple && unreported();
    case Moment::protocol:
      if (edge.level == Level::protocol) return unreported();
      return edge.level == Level::session && edge.protocol != known_.protocol;
    case Moment::session:
      return edge.level == Level::session && edge.protocol == known_.protocol && unreported();
    case Moment::end:
      if (edge.level == Level::protocol) return !known_.protocol_decided;
      if (edge.level == Level::session)
        return !known_.protocol_decided || (edge.protocol == known_.protocol && !known_.sessions);
      return false;
  }
  return false;
}

// Edges of other levels than the moment's are never in `truths_`: those hold one level's predicates.
void Progress::follow_positive(const plan::Node& node) {
  const auto& edges = node.positive;
  if (truths_.size() * lopsided < edges.size()) {
    for (const plan::PredicateId truth : truths_) {
      const auto edge = std::ranges::lower_bound(edges, truth, {}, &plan::Edge::predicate);
      if (edge != edges.end() && edge->predicate == truth) enter(edge->child);
    }
    return;
  }
  for (const plan::Edge& edge : edges) {
    if (std::ranges::binary_search(truths_, edge.predicate)) enter(edge.child);
  }
}

void Progress::follow(const plan::Node& node) {
  if (!truths_.empty()) follow_positive(node);
  for (const plan::Edge& edge : node.negative) {
    if (now_false(edge)) enter(edge.child);
  }
}

// Whether anything may still happen at a node that was reached, after the moment at hand.
bool Progress::keeps(const plan::Node& node) const {
  if (moment_ == Moment::tuple) return node.awaits_protocol || node.awaits_sessions != 0;
  if (moment_ == Moment::protocol) return awaits(node, known_.protocol);
  return false;
}

void Progress::enter(plan::NodeId id) {
  const plan::Node& entered = *plan_->nodes[id];
  if (entered.oldest_birth > birth_) return;
  report(entered, false);
  follow(entered);
  if (keeps(entered)) kept_.push_back(id);
}

void Progress::begin(Moment moment, std::span<const plan::PredicateId> truths, std::uint32_t birth) {
  moment_ = moment;
  truths_ = truths;
  birth_ = birth;
  kept_.clear();
  matches_.clear();
}

void Progress::on_tuple(std::span<const plan::PredicateId> truths, std::uint32_t birth) {
  begin(Moment::tuple, truths, birth);
  known_ = {};
  enter(plan::root);
}

void Progress::on_protocol(std::span<const plan::PredicateId> truths, std::uint32_t protocol,
                           std::span<const plan::NodeId> frontier, std::uint32_t birth) {
  begin(Moment::protocol, truths, birth);
  known_ = {.protocol_decided = true, .protocol = protocol};
  for (const plan::NodeId id : frontier) {
    const plan::Node* reached = node(id);
    if (reached == nullptr) continue;
    follow(*reached);
    if (keeps(*reached)) kept_.push_back(id);
  }
}

void Progress::on_session(std::span<const plan::PredicateId> truths, std::uint32_t protocol,
                          std::span<const plan::NodeId> frontier, std::uint32_t birth) {
  begin(Moment::session, truths, birth);
  known_ = {.protocol_decided = true, .protocol = protocol, .sessions = true};
  for (const plan::NodeId id : frontier) {
    const plan::Node* reached = node(id);
    if (reached == nullptr || !awaits(*reached, protocol)) continue;
    report(*reached, true);  // the others were reported when the node was reached
    follow(*reached);
  }
}

void Progress::on_end(const Known& known, std::span<const plan::NodeId> frontier, std::uint32_t birth) {
  begin(Moment::end, {}, birth);
  known_ = known;
  for (const plan::NodeId id : frontier) {
    if (const plan::Node* reached = node(id); reached != nullptr) follow(*reached);
  }
}

bool Progress::survives(plan::NodeId id, std::uint32_t birth) const {
  const plan::Node* reached = node(id);
  return reached != nullptr && reached->oldest_birth <= birth;
}

}  // namespace iris::conn
