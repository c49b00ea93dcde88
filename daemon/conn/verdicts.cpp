#include "daemon/conn/verdicts.hpp"

#include <algorithm>
#include <functional>

#include <iris/filter.hpp>

namespace iris::conn {
namespace {

[[nodiscard]] std::span<Verdict> verdicts_of(Connection& connection) noexcept {
  if (connection.undecided == nullptr) return {};
  return {connection.undecided->verdicts.begin(), connection.undecided->verdicts.end()};
}

template <class Predicate>
void erase_if(Connection& connection, Predicate predicate) noexcept {
  if (connection.undecided != nullptr) connection.undecided->verdicts.erase_if(predicate);
}

}  // namespace

const Callee* Verdicts::find(const parsers::Field& filter) const noexcept {
  const auto& filters = pipeline_->filters;
  const auto found =
      std::ranges::lower_bound(filters, &filter, std::less<>{}, [](const auto& each) { return each->filter; });
  return found != filters.end() && (*found)->filter == &filter ? found->get() : nullptr;
}

const plan::SomeSession* Verdicts::find_some(const parsers::Field& filter) const noexcept {
  const auto& all = pipeline_->plan->some_sessions;
  if (all == nullptr) return nullptr;
  const auto found = std::ranges::lower_bound(*all, &filter, std::less<>{}, &plan::SomeSession::field);
  return found != all->end() && found->field == &filter ? &*found : nullptr;
}

bool Verdicts::is_known(const parsers::Field& filter) const noexcept {
  return filter.of_some_session ? find_some(filter) != nullptr : find(filter) != nullptr;
}

void Verdicts::begin(Connection& connection, const parsers::Field& filter, Timestamp ts) noexcept {
  const auto known = [&](const Verdict& each) { return each.filter == &filter; };
  if (std::ranges::any_of(connection.verdicts(), known)) return;
  Verdict verdict{.filter = &filter};
  if (filter.of_some_session) {
    const std::uint64_t possible = protocols_over(connection.record.tuple.transport);
    verdict.answered = (possible >> find_some(filter)->protocol & 1U) == 0;
  } else {
    verdict.code = find(filter);
  }
  const bool stateful = verdict.code != nullptr && verdict.code->stateful();
  if (stateful) verdict.object = code_.construct(*verdict.code, ts);
  if (!stateful || verdict.object != nullptr) {
    Undecided* undecided = connection.make_undecided(blocks_);
    if (undecided != nullptr && undecided->verdicts.push(verdict, blocks_)) return;
  }
  // It will never answer.
  connection.record.degraded = true;
  let_go(verdict, ts);
}

bool Verdicts::begin(Connection& connection, Timestamp ts) noexcept {
  const plan::Plan& plan = *pipeline_->plan;
  if (pipeline_->filters.empty() && plan.some_sessions == nullptr) return false;
  const auto begin_below = [&](const plan::Node& node) {
    for (const parsers::Field* filter : plan::view(node.verdicts)) begin(connection, *filter, ts);
  };
  for (const plan::NodeId node : connection.frontier.view()) begin_below(plan.nodes[node]);
  for (const Pending& pending : connection.pending()) {
    const plan::Node& node = plan.nodes[pending.node];
    if (node.from_above.unindexed) begin(connection, *plan.predicates[node.from_above.predicate]->field, ts);
    begin_below(node);
  }
  return std::ranges::any_of(connection.verdicts(), &Verdict::answered);
}

bool Verdicts::ask(Connection& connection, Verdict& verdict, const Occasion& occasion) noexcept {
  const Active active{.object = verdict.object, .session = occasion.session};
  constexpr auto drop = static_cast<std::uint8_t>(FilterResult::Drop);
  for (const Function& function : verdict.code->functions) {
    if (function.event != occasion.event) continue;
    const auto answer = code_.call(*verdict.code, function, connection, active, occasion, drop);
    if (!answer || *answer == static_cast<std::uint8_t>(FilterResult::Continue)) continue;
    verdict.accepted = *answer == static_cast<std::uint8_t>(FilterResult::Accept);
    verdict.answered = true;
    let_go(verdict, occasion.ts);
    return true;
  }
  return false;
}

bool Verdicts::ask(Connection& connection, const Occasion& occasion) noexcept {
  bool any = false;
  for (Verdict& verdict : verdicts_of(connection)) {
    const bool asked = !verdict.answered && verdict.code != nullptr && verdict.code->has(occasion.event);
    if (asked) any = ask(connection, verdict, occasion) || any;
  }
  return any;
}

bool Verdicts::accepts(const parsers::Field& filter, const Connection& connection, const Occasion& occasion) noexcept {
  const Callee& code = *find(filter);
  const Active active{.session = occasion.session};
  constexpr auto drop = static_cast<std::uint8_t>(FilterResult::Drop);
  const auto answer = code_.call(code, code.functions.front(), connection, active, occasion, drop);
  return answer == static_cast<std::uint8_t>(FilterResult::Accept);
}

bool Verdicts::note_session(Connection& connection, std::span<const plan::PredicateId> truths) noexcept {
  bool any = false;
  for (Verdict& verdict : verdicts_of(connection)) {
    if (verdict.answered || verdict.code != nullptr) continue;
    const plan::SomeSession& some = *find_some(*verdict.filter);
    if (some.protocol != connection.protocol) continue;
    verdict.answered = verdict.accepted = std::ranges::all_of(some.parts, [&](const plan::SomeSession::Part& part) {
      return std::ranges::binary_search(truths, part.predicate) != part.negated;
    });
    any |= verdict.answered;
  }
  return any;
}

bool Verdicts::note_protocol(Connection& connection) noexcept {
  bool any = false;
  for (Verdict& verdict : verdicts_of(connection)) {
    if (verdict.answered || verdict.code != nullptr || connection.awaits_tunnel()) continue;
    verdict.answered = find_some(*verdict.filter)->protocol != connection.protocol;
    any |= verdict.answered;
  }
  return any;
}

void Verdicts::lose_sessions(Connection& connection) noexcept {
  erase_if(connection, [](const Verdict& verdict) { return verdict.code == nullptr && !verdict.answered; });
}

bool Verdicts::matters(const parsers::Field& filter, const Connection& connection) const noexcept {
  const auto& nodes = pipeline_->plan->nodes;
  const auto asked_at = [&](const plan::Node& node) {
    return std::ranges::binary_search(plan::view(node.verdicts), &filter, std::less<>{});
  };
  if (std::ranges::any_of(connection.frontier.view(), [&](plan::NodeId node) { return asked_at(nodes[node]); })) {
    return true;
  }
  const auto waits = [&](const Pending& pending) {
    const plan::Node& node = nodes[pending.node];
    return pipeline_->plan->predicates[node.from_above.predicate]->field == &filter || asked_at(node);
  };
  if (std::ranges::any_of(connection.pending(), waits)) return true;
  return connection.awaits_tunnel() && asked_at(nodes[plan::root]);
}

void Verdicts::let_go(Verdict& verdict, Timestamp ts) noexcept {
  if (verdict.code != nullptr) code_.destroy(*verdict.code, verdict.object, ts);
  verdict.object = nullptr;
}

void Verdicts::settle(Connection& connection) noexcept {
  erase_if(connection, [&](Verdict& verdict) {
    if (matters(*verdict.filter, connection)) return false;
    let_go(verdict, connection.record.last);
    return true;
  });
}

void Verdicts::adopt(Connection& connection, Timestamp ts) noexcept {
  erase_if(connection, [&](Verdict& verdict) {
    if (is_known(*verdict.filter)) return false;
    let_go(verdict, ts);
    return true;
  });
}

void Verdicts::end(Connection& connection, Timestamp ts) noexcept {
  erase_if(connection, [&](Verdict& verdict) {
    let_go(verdict, ts);
    return true;
  });
}

void Verdicts::add_wants(const Connection& connection, Wants& wants) const noexcept {
  for (const Verdict& verdict : connection.verdicts()) {
    if (verdict.answered) continue;
    if (verdict.code != nullptr) {
      conn::add_wants(*verdict.code, connection, wants);
    } else if (!connection.sessions_over) {
      wants.needs |= need::parse;
    }
  }
}

}  // namespace iris::conn
