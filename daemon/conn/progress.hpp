// How far a connection has come through the plan. Facts arrive in the order tuple, protocol, sessions, end; each moves
// the frontier on and says which actions' filters became true. Nothing here knows packets.
//
// Rules (Kleene's logic): an edge of a later level is undecided; a predicate that generated code did not report at its
// level is false; what the transport rules out is false from the first packet on; about a session, a negative edge is
// decided for each session, and without any session when the protocol turns out to be another one or the connection
// ends.
//
// Straight-line code takes a plan's steps at tuple, protocol and sessions in the same way
// (jit/codegen/walk_writer.hpp); where there is some, this keeps what it works with, and takes the steps that it does
// not.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "daemon/conn/evaluator.hpp"
#include "daemon/conn/meter.hpp"
#include "daemon/conn/tally.hpp"
#include "jit/abi/dispatch.hpp"
#include "jit/codegen/straight.hpp"
#include "jit/plan/plan.hpp"

namespace iris::conn {

struct Callee;

using abi::Match;

// What is known of a connection when it ends.
struct Known {
  bool protocol_decided = false;  // on_protocol was called
  std::uint32_t protocol = 0;
  bool sessions = false;  // on_session was called
};

// A node behind a streaming predicate that is undecided.
struct Pending {
  plan::NodeId node = 0;
  std::uint16_t protocol = 0;     // of the session
  bool sessions_only = false;     // for the connection itself it is pending besides
  const void* session = nullptr;  // in which it was reached; nullptr: in none
};

// What a user-defined filter, or a filter::SomeSession, answered of a connection.
struct Verdict {
  const parsers::Field* filter = nullptr;
  const Callee* code = nullptr;  // nullptr: of some session
  void* object = nullptr;        // a struct's, until it has answered
  bool answered = false;
  bool accepted = false;
};

// User-defined filters of sessions, asked about the one at hand.
class SessionFilters {
 public:
  [[nodiscard]] virtual bool accepts(const parsers::Field& filter) noexcept = 0;

 protected:
  ~SessionFilters() = default;
};

// Where a connection stands before a call.
struct Standing {
  std::span<const plan::NodeId> frontier;
  const void* subject = nullptr;  // as abi::Facts::subject
  std::uint32_t birth = 0;
  std::span<const Verdict> verdicts{};
  SessionFilters* session_filters = nullptr;  // of on_session
};

// Walks one plan for one worker. Each call replaces what matches() and frontier() say. Matches are in the order in
// which they were reached, each once (for a session: once a session). Actions that are not alive, or younger than the
// connection, are left out.
class Progress {
 public:
  // `meter`: tells of which calls it is noted what each node takes; nullptr: of none.
  explicit Progress(Meter* meter = nullptr) : meter_(meter) {}
  explicit Progress(const plan::Plan& plan) : Progress() { use(plan); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // From now on. Both outlive their use; `straight` is the plan's, nullptr: there is none.
  void use(const plan::Plan& plan, const codegen::Straight* straight = nullptr);

  // `truths`: of the level, as generated code found them; as bits where straight-line code takes the step. The
  // connection stands nowhere yet.
  void on_tuple(const Truths& truths, const Standing& standing);
  // `protocol` 0: none was identified.
  void on_protocol(const Truths& truths, std::uint32_t protocol, const Standing& standing);
  // The frontier stays as it is: another session may match again.
  void on_session(const Truths& truths, std::uint32_t protocol, const Standing& standing);
  void on_end(const Known& known, const Standing& standing);

  // A pending node's streaming predicate is asked about again: on a packet, and (`over`) at the connection's end.
  // nullopt: it is undecided still. Otherwise what follows is reported as at any call; frontier() is what is added.
  [[nodiscard]] std::optional<bool> on_growth(const Pending& pending, bool over, const Standing& standing);

  // Whether some streaming literal that every way on from `id` asks for can no longer be.
  [[nodiscard]] bool is_hopeless(plan::NodeId id, const Standing& standing);

  // Whether a connection of that age still gains anything from being at `id`, reached under an older plan.
  [[nodiscard]] bool survives(plan::NodeId id, std::uint32_t birth) const;

  // Which nodes were reached; its evaluations are the caller's to count. Thread: as Tally says.
  [[nodiscard]] Tally& tally() { return *tally_; }
  [[nodiscard]] const Tally& tally() const { return *tally_; }

  [[nodiscard]] std::span<const Match> matches() const { return {matches_.data(), walking_.match_count}; }
  // Where the connection is after on_tuple or on_protocol; empty after the others.
  [[nodiscard]] std::span<const plan::NodeId> frontier() const { return {kept_.data(), walking_.kept_count}; }
  // Nodes behind streaming predicates that the call reached and that are undecided.
  [[nodiscard]] std::span<const plan::NodeId> pending() const { return pending_; }

 private:
  class At;
  enum class Moment : std::uint8_t { tuple, protocol, session, growth, end };

  void enter(plan::NodeId id);
  void follow(plan::NodeId id, const plan::Node& node, bool entered);
  void follow_positive(plan::NodeId id, const plan::Node& node);
  void follow_direct(const plan::Node& node);
  [[nodiscard]] std::optional<bool> decided(const plan::Edge& edge, bool over) const;
  [[nodiscard]] std::optional<bool> verdict(const parsers::Field& filter, bool over) const;
  [[nodiscard]] bool accepted(plan::PredicateId predicate);
  [[nodiscard]] bool ruled_out(const plan::Edge& edge) const;
  [[nodiscard]] bool now_false(const plan::Edge& edge, bool entered);
  [[nodiscard]] bool keeps(const plan::Node& node) const;
  void report(const plan::Node& node, bool sessions_only);
  void keep(plan::NodeId id) { kept_[walking_.kept_count++] = id; }
  void begin(Moment moment, const Truths& truths, const Standing& standing);
  void stand(const Standing& standing);
  void walk(abi::Walk walk, const Truths& truths);

  Meter* meter_ = nullptr;
  const plan::Plan* plan_ = nullptr;
  std::uint32_t epoch_ = 0;  // of plan_
  // Of the call at hand.
  Moment moment_ = Moment::tuple;
  std::span<const plan::PredicateId> truths_;
  Known known_;
  bool in_session_ = false;
  bool sessions_only_ = false;
  bool timed_ = false;
  const Standing* standing_ = nullptr;
  struct Walking : abi::Walking {
    Progress* progress = nullptr;
  };
  Walking walking_;
  std::vector<plan::NodeId> pending_;
  // Room for what a call may come to: the first `walking_.kept_count` are the next frontier, and so on.
  std::vector<plan::NodeId> kept_;
  std::vector<Match> matches_;
  std::vector<std::uint64_t> reported_;  // by action: the call that reported it last
  // Of user-defined filters, about the session at hand: each is asked once.
  std::vector<std::pair<plan::PredicateId, bool>> session_answers_;
  const codegen::Straight* straight_ = nullptr;
  std::vector<std::uint64_t*> reached_;  // straight_'s nodes' counters
  std::unique_ptr<Tally> tally_ = std::make_unique<Tally>();
};

}  // namespace iris::conn
