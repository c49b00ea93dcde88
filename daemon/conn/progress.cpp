#include "daemon/conn/progress.hpp"

#include <algorithm>
#include <utility>

#include <iris/conn_record.hpp>

#include "daemon/conn/layer7.hpp"
#include "jit/index/direct.hpp"

namespace iris::conn {
namespace {

bool awaits(const plan::Node& node, std::uint32_t protocol) { return (node.awaits_sessions >> protocol & 1U) != 0; }

}  // namespace

// While it lives, what is done is done at the node.
class Progress::At {
 public:
  At(Progress& progress, plan::NodeId id) : meter_(progress.timed_ ? progress.meter_ : nullptr) {
    if (meter_ != nullptr) before_ = meter_->charge_to(progress.tally_->account_of(id));
  }
  At(const At&) = delete;
  At& operator=(const At&) = delete;
  ~At() {
    if (meter_ != nullptr) meter_->charge_to(before_);
  }

 private:
  Meter* meter_;
  Counter* before_ = nullptr;
};

void Progress::use(const plan::Plan& plan, const codegen::Straight* straight) {
  const bool is_new = plan_ == nullptr || plan.epoch != epoch_;
  plan_ = &plan;
  epoch_ = plan.epoch;
  straight_ = straight;
  reported_.resize(std::max(reported_.size(), plan.actions.size()));
  matches_.resize(reported_.size());
  tally_->make_room(plan.nodes.size());
  if (is_new) tally_->forget(plan.new_nodes, plan.new_families);
  reached_.clear();
  if (straight == nullptr) return;
  for (const plan::NodeId node : straight->nodes) reached_.push_back(&tally_->counter_of(node));
  walking_.matches = matches_.data();
  walking_.reported = reported_.data();
  walking_.reached = reached_.data();
  walking_.progress = this;
  walking_.take_direct = [](abi::Walking* walking, plan::NodeId node) noexcept {
    Progress& progress = *static_cast<Walking*>(walking)->progress;
    progress.follow_direct(progress.plan_->nodes[node]);
  };
  walking_.accepted = [](abi::Walking* walking, plan::PredicateId predicate) noexcept {
    return static_cast<Walking*>(walking)->progress->accepted(predicate);
  };
  walking_.work_at = [](abi::Walking* walking, plan::NodeId node) noexcept {
    Progress& progress = *static_cast<Walking*>(walking)->progress;
    progress.meter_->charge_to(progress.tally_->account_of(node));
  };
}

void Progress::report(const plan::Node& node, bool sessions_only) {
  for (const plan::ActionId id : plan::view(node.actions)) {
    const plan::Action& action = plan_->actions[id];
    if (!action.alive || action.birth > standing_->birth) continue;
    const bool per_session = action.scope == plan::Scope::session;
    if (!per_session && sessions_only) continue;
    if (per_session && (!in_session_ || action.protocol != known_.protocol)) continue;
    if (std::exchange(reported_[id], walking_.call) == walking_.call) continue;
    matches_[walking_.match_count++] = {id, in_session_};
  }
}

// Whether the transport leaves the edge's protocol out: what it asks is false from the first packet on.
bool Progress::ruled_out(const plan::Edge& edge) const {
  if (edge.protocol == 0 || edge.level == parsers::Level::tuple || edge.level == parsers::Level::stream) return false;
  const Transport transport = static_cast<const ConnRecord*>(standing_->subject)->tuple.transport;
  return (protocols_over(transport) >> edge.protocol & 1U) == 0;
}

// Whether a negative edge can be taken at this moment, and could not before. From a node that was reached just now
// (`entered`) nothing could: what it asks may have been false for long.
bool Progress::now_false(const plan::Edge& edge, bool entered) {
  using parsers::Level;
  const auto unreported = [&] {
    return edge.unindexed ? !accepted(edge.predicate) : !std::ranges::binary_search(truths_, edge.predicate);
  };
  if (moment_ == Moment::growth) return false;
  if (edge.level == Level::tuple) return moment_ == Moment::tuple && unreported();
  if (moment_ == Moment::tuple || ruled_out(edge)) return entered && ruled_out(edge);
  const bool is_other = known_.protocol_decided && edge.protocol != known_.protocol;
  switch (moment_) {
    case Moment::protocol:
      return edge.level == Level::protocol ? unreported() : is_other;
    case Moment::session:
      return edge.level == Level::session && (is_other ? entered : unreported());
    case Moment::end:
      if (edge.level == Level::protocol || !known_.protocol_decided) return !known_.protocol_decided;
      return is_other ? entered : !known_.sessions;
    default:
      return false;
  }
}

// Edges of other levels than the moment's are never in `truths_`: those hold one level's predicates. The shorter of the
// two lists is gone through.
void Progress::follow_positive(plan::NodeId id, const plan::Node& node) {
  const auto few = plan::view(node.few);
  if (!few.empty() && few.size() <= truths_.size()) {
    for (const plan::Edge& edge : few) {
      if (std::ranges::binary_search(truths_, edge.predicate)) enter(edge.child);
    }
    return;
  }
  for (const plan::PredicateId truth : truths_) {
    if (const plan::NodeId child = plan_->child(id, truth); child != plan::root) enter(child);
  }
}

void Progress::follow(plan::NodeId id, const plan::Node& node, bool entered) {
  if (node.positive != 0 && !truths_.empty()) follow_positive(id, node);
  if (node.asks_sessions && moment_ == Moment::session) {
    for (const plan::Edge& edge : plan::view(node.direct)) {
      const bool asked = edge.level == parsers::Level::session && edge.protocol == known_.protocol;
      if (asked && accepted(edge.predicate)) enter(edge.child);
    }
  }
  for (const plan::Edge& edge : plan::view(node.negative)) {
    if (now_false(edge, entered)) enter(edge.child);
  }
}

// Of a streaming predicate; nullopt: it is undecided still.
std::optional<bool> Progress::decided(const plan::Edge& edge, bool over) const {
  const filter::Predicate& predicate = *plan_->predicates[edge.predicate];
  if (!edge.unindexed) return index::decided(predicate, standing_->subject, over);
  const auto answer = verdict(*predicate.field, over);
  if (answer || !over) return answer;
  return edge.negated;  // it could not be asked, or is not known: neither it nor its negation holds
}

// What is undecided when the connection ends is dropped.
std::optional<bool> Progress::verdict(const parsers::Field& filter, bool over) const {
  for (const Verdict& verdict : standing_->verdicts) {
    if (verdict.filter != &filter) continue;
    return verdict.answered || over ? std::optional(verdict.accepted) : std::nullopt;
  }
  return std::nullopt;
}

// A user-defined filter of sessions, asked about the one at hand when it is needed first.
bool Progress::accepted(plan::PredicateId predicate) {
  const auto known = std::ranges::find(session_answers_, predicate, &std::pair<plan::PredicateId, bool>::first);
  if (known != session_answers_.end()) return known->second;
  const bool accepts = standing_->session_filters->accepts(*plan_->predicates[predicate]->field);
  session_answers_.emplace_back(predicate, accepts);
  return accepts;
}

// What they ask was known before the node was reached, or is a matter of growth; follow() asks about sessions.
void Progress::follow_direct(const plan::Node& node) {
  for (const plan::Edge& edge : plan::view(node.direct)) {
    if (edge.level == parsers::Level::session) continue;
    if (edge.level == parsers::Level::stream) {
      const auto truth = decided(edge, moment_ == Moment::end);
      if (!truth) {
        if (plan_->nodes[edge.child].oldest_birth <= standing_->birth) pending_.push_back(edge.child);
      } else if (*truth != edge.negated) {
        enter(edge.child);
      }
      continue;
    }
    if (index::holds(*plan_->predicates[edge.predicate], standing_->subject) != edge.negated) enter(edge.child);
  }
}

// Whether anything may still happen at a node that was reached, after the moment at hand.
bool Progress::keeps(const plan::Node& node) const {
  if (moment_ == Moment::tuple) return node.awaits_protocol || node.awaits_sessions != 0;
  if (moment_ == Moment::protocol) return awaits(node, known_.protocol);
  if (moment_ == Moment::growth) return !in_session_ && awaits(node, known_.protocol);
  return false;
}

void Progress::enter(plan::NodeId id) {
  const plan::Node& entered = plan_->nodes[id];
  if (entered.oldest_birth > standing_->birth) return;
  const At at(*this, id);
  tally_->reach(id);
  report(entered, sessions_only_);
  follow_direct(entered);
  follow(id, entered, true);
  if (keeps(entered)) keep(id);
}

void Progress::stand(const Standing& standing) {
  standing_ = &standing;
  timed_ = meter_ != nullptr && meter_->is_on();
}

void Progress::begin(Moment moment, const Truths& truths, const Standing& standing) {
  moment_ = moment;
  truths_ = truths.ids;
  stand(standing);
  in_session_ = moment == Moment::session;
  sessions_only_ = false;
  if (const std::size_t most = standing.frontier.size() + plan_->nodes.size(); kept_.size() < most) kept_.resize(most);
  walking_.kept_count = walking_.match_count = 0;
  ++walking_.call;
  pending_.clear();
  session_answers_.clear();
}

void Progress::walk(abi::Walk walk, const Truths& truths) {
  walking_.truths = truths.bits;
  walking_.frontier = standing_->frontier.data();
  walking_.frontier_size = static_cast<std::uint32_t>(standing_->frontier.size());
  walking_.birth = standing_->birth;
  walking_.protocol = known_.protocol;
  walking_.sampled = timed_;
  if (straight_->asks_transport) {
    walking_.possible = protocols_over(static_cast<const ConnRecord*>(standing_->subject)->tuple.transport);
  }
  walking_.kept = kept_.data();
  if (!timed_) return walk(&walking_);
  Counter* const before = meter_->charge_to(nullptr);
  walk(&walking_);
  meter_->charge_to(before);
}

void Progress::on_tuple(const Truths& truths, const Standing& standing) {
  begin(Moment::tuple, truths, standing);
  known_ = {};
  if (straight_ != nullptr) return walk(straight_->tuple.walk, truths);
  enter(plan::root);
}

void Progress::on_protocol(const Truths& truths, std::uint32_t protocol, const Standing& standing) {
  begin(Moment::protocol, truths, standing);
  known_ = {.protocol_decided = true, .protocol = protocol};
  if (straight_ != nullptr) return walk(straight_->protocol.walk, truths);
  for (const plan::NodeId id : standing.frontier) {
    const plan::Node& reached = plan_->nodes[id];
    const At at(*this, id);
    follow(id, reached, false);
    if (keeps(reached)) keep(id);
  }
}

void Progress::on_session(const Truths& truths, std::uint32_t protocol, const Standing& standing) {
  begin(Moment::session, truths, standing);
  known_ = {.protocol_decided = true, .protocol = protocol, .sessions = true};
  if (straight_ != nullptr) {
    if (const abi::Walk step = straight_->session[protocol].walk; step != nullptr) walk(step, truths);
    return;
  }
  for (const plan::NodeId id : standing.frontier) {
    const plan::Node& reached = plan_->nodes[id];
    if (!awaits(reached, protocol)) continue;
    const At at(*this, id);
    report(reached, true);  // the others were reported when the node was reached
    follow(id, reached, false);
  }
}

void Progress::on_end(const Known& known, const Standing& standing) {
  begin(Moment::end, {}, standing);
  known_ = known;
  for (const plan::NodeId id : standing.frontier) {
    const At at(*this, id);
    follow(id, plan_->nodes[id], false);
  }
}

std::optional<bool> Progress::on_growth(const Pending& pending, bool over, const Standing& standing) {
  const plan::Edge& edge = plan_->nodes[pending.node].from_above;
  stand(standing);
  const At at(*this, pending.node);
  const auto truth = decided(edge, over);
  if (!truth) return std::nullopt;
  begin(over ? Moment::end : Moment::growth, {}, standing);
  in_session_ = pending.session != nullptr;
  sessions_only_ = pending.sessions_only;
  known_ = {.protocol_decided = true, .protocol = pending.protocol, .sessions = in_session_};
  if (*truth == edge.negated) return false;
  enter(pending.node);
  return true;
}

bool Progress::is_hopeless(plan::NodeId id, const Standing& standing) {
  stand(standing);
  const At at(*this, id);
  return std::ranges::any_of(plan::view(plan_->nodes[id].guards), [&](const plan::Edge& guard) {
    const auto truth = decided(guard, false);
    return truth && *truth == guard.negated;
  });
}

bool Progress::survives(plan::NodeId id, std::uint32_t birth) const {
  return id < plan_->nodes.size() && plan_->nodes[id].used && plan_->nodes[id].oldest_birth <= birth;
}

}  // namespace iris::conn
