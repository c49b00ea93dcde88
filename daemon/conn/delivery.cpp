#include "daemon/conn/delivery.hpp"

#include <algorithm>

namespace iris::conn {
namespace {

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

// Whether a plain function that runs at `event` could still run after `now`.
bool still_to_come(Event event, Event now) {
  return event == Event::InL4Conn || event == Event::InL4Stream || event == Event::L7InSession || event > now;
}

}  // namespace

// Returns whether the callback asked to go on. An argument that is not there means that it is not called.
bool Delivery::call(const Callee& callee, const Function& function, const Connection& connection, const Active& active,
                    const Occasion& occasion) noexcept {
  return code_.call(callee, function, connection, active, occasion, 0).value_or(1) != 0;
}

// Runs every function that the callback has at the occasion. Returns false when it does not want to go on.
bool Delivery::run(Connection& connection, Active& active, const Occasion& occasion) noexcept {
  const Callee& code = callee(active.action);
  if (occasion.session != nullptr) active.session = occasion.session;
  for (const Function& function : code.functions) {
    if (function.runs_at(occasion.event) && !call(code, function, connection, active, occasion)) return false;
  }
  return true;
}

void Delivery::remember(Connection& connection, plan::ActionId action) noexcept {
  // Without memory it may match a second time: the lesser evil than not at all.
  if (!connection.delivered.push(action, blocks_)) connection.record.degraded = true;
}

// A connection-scoped callback matches once, though several clauses or sessions may say so; one for each session once a
// session, though a streaming predicate may make another clause true of it later.
bool Delivery::first_time(Connection& connection, const Match& match, const Occasion& occasion) noexcept {
  const plan::Action& action = pipeline_->plan->actions[match.action];
  if (action.scope == plan::Scope::session) {
    const void* session = occasion.session;
    const auto told = [&](const Told& each) { return each.action == match.action && each.session == session; };
    const auto pends = [&](const Pending& each) { return each.session == session; };
    if (!action.several_clauses) return true;
    if (std::ranges::any_of(connection.told(), told)) return false;
    if (std::ranges::any_of(connection.pending(), pends)) {
      if (!connection.undecided->told.push({match.action, session}, blocks_)) connection.record.degraded = true;
    }
    return true;
  }
  if (std::ranges::find(connection.delivered.view(), match.action) != connection.delivered.view().end()) return false;
  // Behind a CONNECT what was decided of the first protocol is decided again.
  if (action.several_clauses || match.in_session || connection.tunnelled) remember(connection, match.action);
  return true;
}

void Delivery::begin(Connection& connection, const Match& match, const Occasion& occasion) noexcept {
  const Callee& code = callee(match.action);
  count(code.counters.matched);
  Active active{match.action, nullptr, match.in_session ? occasion.session : nullptr};
  if (!code.stateful()) {
    const Function& function = code.functions.front();
    const Event when = function.when();
    const bool missed = occasion.late && when >= Event::L7EndHdrs && when <= Event::L7EndSession;
    if (function.runs_at(occasion.event) || missed) {
      (void)call(code, function, connection, active, occasion);
    } else if (still_to_come(function.when(), occasion.event)) {
      if (!connection.active.push(active, blocks_)) connection.record.degraded = true;
    }
    return;
  }
  active.object = code_.construct(code, occasion.ts);
  if (active.object == nullptr) {
    connection.record.degraded = true;
    return;
  }
  bool over = !run(connection, active, occasion) || occasion.event == Event::L4Terminated;
  if (!over && !connection.active.push(active, blocks_)) {
    connection.record.degraded = true;
    over = true;
  }
  if (over) code_.destroy(code, active.object, occasion.ts);
}

void Delivery::matched(Connection& connection, std::span<const Match> matches, const Occasion& occasion) noexcept {
  for (const Match& match : matches) {
    if (first_time(connection, match, occasion)) begin(connection, match, occasion);
  }
}

void Delivery::fire(Connection& connection, const Occasion& occasion) noexcept {
  connection.active.erase_if([&](Active& active) {
    const Callee& code = callee(active.action);
    if (!code.has(occasion.event)) return false;
    const bool of_another = occasion.session != nullptr && occasion.session != active.session &&
                            pipeline_->plan->actions[active.action].scope == plan::Scope::session;
    if (of_another) return false;
    const bool goes_on = run(connection, active, occasion);
    const bool once = !code.stateful() && !still_to_come(code.functions.front().when(), occasion.event);
    if (goes_on && !once) return false;
    code_.destroy(code, active.object, occasion.ts);
    return true;
  });
}

void Delivery::session_over(Connection& connection, const Occasion& occasion) noexcept {
  connection.active.erase_if([&](Active& active) {
    if (active.session != occasion.session) return false;
    const Callee& code = callee(active.action);
    if (!code.stateful() && code.functions.front().when() == Event::L7InSession) return true;
    if (!code.needs_session) active.session = nullptr;  // its memory may be another session's soon
    return false;
  });
}

void Delivery::end(Connection& connection, Timestamp ts) noexcept {
  const Occasion occasion{.event = Event::L4Terminated, .ts = ts};
  connection.active.erase_if([&](Active& active) {
    (void)run(connection, active, occasion);
    code_.destroy(callee(active.action), active.object, ts);
    return true;
  });
}

void Delivery::adopt(Connection& connection, Timestamp ts) noexcept {
  const auto removed = [&](plan::ActionId action) { return !pipeline_->plan->actions[action].alive; };
  const EndReason before = connection.record.end;
  connection.record.end = EndReason::removed;
  connection.active.erase_if([&](Active& active) {
    if (!removed(active.action)) return false;
    (void)run(connection, active, {.event = Event::L4Terminated, .ts = ts});
    code_.destroy(callee(active.action), active.object, ts);
    return true;
  });
  connection.record.end = before;
  connection.delivered.erase_if(removed);
}

Wants Delivery::wants(const Connection& connection) const noexcept {
  Wants wants;
  for (const Active& active : connection.active.view()) {
    add_wants(callee(active.action), connection, wants);
  }
  return wants;
}

abi::Observation Delivery::observation(std::span<const Match> matches) const noexcept {
  abi::Observation observation;
  for (const Match& match : matches) observation |= callee(match.action).observes;
  return observation;
}

bool Delivery::holds_session(const Connection& connection) const noexcept {
  return std::ranges::any_of(connection.active.view(), [&](const Active& active) {
    return active.session != nullptr && callee(active.action).needs_session;
  });
}

bool Delivery::holds_session(const Connection& connection, const void* session) const noexcept {
  return std::ranges::any_of(connection.active.view(), [&](const Active& active) {
    return active.session == session && callee(active.action).needs_session;
  });
}

}  // namespace iris::conn
