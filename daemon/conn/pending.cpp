// What waits for streaming predicates: the nodes behind them, and the sessions that came meanwhile.
#include <algorithm>

#include "daemon/conn/tracker.hpp"

namespace iris::conn {
namespace {

// At each node so many sessions of a connection wait for it to grow: further ones are given up.
constexpr std::uint32_t most_waiting_sessions = 64;

}  // namespace

// What the latest call of progress_ found undecided, reached as `at` says.
void Tracker::keep_pending(Connection& connection, Pending at) noexcept {
  if (progress_.pending().empty()) return;
  count_waiting(connection, at.protocol);
  for (const plan::NodeId node : progress_.pending()) {
    at.node = node;
    wait(connection, at);
  }
  forget_waiting(connection);
}

// A session that comes while a node that tells of each session is pending is pending there, too.
void Tracker::keep_pending_session(Connection& connection, const void* session) noexcept {
  if (connection.pending().empty()) return;
  count_waiting(connection, connection.protocol);
  const std::size_t count = connection.pending().size();
  for (std::size_t i = 0; i < count; ++i) {
    const Pending pending = connection.pending()[i];
    if (pending.session != nullptr || !tells_of(pending.node, connection.protocol)) continue;
    wait(connection, {pending.node, connection.protocol, true, session});
  }
  forget_waiting(connection);
}

// Whether each session of the protocol matters at the node, rather than the first with which it was reached.
bool Tracker::tells_of(plan::NodeId node, std::uint32_t protocol) const noexcept {
  return (pipeline_->plan->nodes[node].tells_sessions >> protocol & 1U) != 0;
}

// Within what is counted. Nothing here depends on other nodes, which may be other subscriptions'.
void Tracker::wait(Connection& connection, const Pending& pending) noexcept {
  Waiting& waiting = waiting_[pending.node];
  const bool in_session = pending.session != nullptr;
  const bool again = in_session ? waiting.any() && !tells_of(pending.node, pending.protocol) : waiting.itself;
  if (again || (in_session && waiting.sessions == most_waiting_sessions)) return;
  Undecided* undecided = connection.make_undecided(blocks_);
  if (undecided == nullptr || !undecided->pending.push(pending, blocks_)) {
    connection.record.degraded = true;
    return;
  }
  waiting.count(pending.session);
}

void Tracker::count_waiting(const Connection& connection, std::uint16_t protocol) noexcept {
  for (const Pending& pending : connection.pending()) {
    if (pending.session == nullptr || pending.protocol == protocol) waiting_[pending.node].count(pending.session);
  }
}

void Tracker::forget_waiting(const Connection& connection) noexcept {
  for (const Pending& pending : connection.pending()) waiting_[pending.node] = {};
}

// Of sessions that nothing is pending in any more: their memory may be another's soon.
void Tracker::forget_told(Undecided& undecided) noexcept {
  undecided.told.erase_if([&](const Told& told) {
    return std::ranges::none_of(undecided.pending.view(),
                                [&](const Pending& pending) { return pending.session == told.session; });
  });
}

// Streaming predicates: whatever the packet, or the end, decided. Returns whether anything was.
bool Tracker::watch(Record& record, Connection& connection, const Occasion& occasion) noexcept {
  const bool over = occasion.event == Event::L4Terminated;
  bool any = false;
  // What follows may make more nodes pending: they are asked about already.
  const auto count = static_cast<std::uint32_t>(connection.pending().size());
  for (std::uint32_t i = 0; i < count; ++i) {
    const Pending pending = connection.pending()[i];
    const auto truth = [&] {
      const Doing doing(meter_, Work::plan);
      return progress_.on_growth(pending, over, standing(record, connection));
    }();
    if (!truth) continue;
    any = true;
    connection.undecided->pending[i].node = plan::root;  // decided
    if (!*truth) continue;
    const std::uint16_t protocol = pending.session != nullptr ? pending.protocol : connection.protocol;
    keep_pending(connection,
                 {.protocol = protocol, .sessions_only = pending.sessions_only, .session = pending.session});
    if (!connection.sessions_over) extend_frontier(connection);
    Occasion late = occasion;
    late.session = pending.session;
    late.late = pending.session != nullptr;
    delivery_.matched(connection, progress_.matches(), late);
  }
  if (!over && give_up_hope(record, connection)) any = true;
  if (!any) return false;
  if (Undecided* undecided = connection.undecided) {
    undecided->pending.erase_if([](const Pending& pending) { return pending.node == plan::root; });
    forget_told(*undecided);
  }
  return true;
}

// Leaves where nothing is left to come to, so that nobody parses for it. Returns whether there was such a place.
bool Tracker::give_up_hope(const Record& record, Connection& connection) noexcept {
  const Doing doing(meter_, Work::plan);
  const auto hopeless = [&](plan::NodeId node) {
    return pipeline_->plan->nodes[node].guards != nullptr && progress_.is_hopeless(node, standing(record, connection));
  };
  const std::size_t before = connection.frontier.size() + connection.pending().size();
  connection.frontier.erase_if(hopeless);
  if (Undecided* undecided = connection.undecided) {
    undecided->pending.erase_if([&](const Pending& pending) { return hopeless(pending.node); });
  }
  return connection.frontier.size() + connection.pending().size() != before;
}

// Authors' filters that have not answered; then what their answers decide, and those that came already (`answered`).
void Tracker::ask(Record& record, Connection& connection, const Occasion& occasion, bool answered) noexcept {
  if (connection.verdicts().empty()) return;
  if (!verdicts_.ask(connection, occasion) && !answered) return;
  (void)watch(record, connection, occasion);
  record.needs = wants_of(connection).needs;
}

// What happens to callbacks that are active, and to filters.
void Tracker::happen(Record& record, Connection& connection, const Occasion& occasion) noexcept {
  delivery_.fire(connection, occasion);
  ask(record, connection, occasion);
}

}  // namespace iris::conn
