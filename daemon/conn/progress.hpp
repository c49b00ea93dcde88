// How far a connection has come through the plan. Facts arrive in the order tuple, protocol, sessions, end; each moves
// the frontier on and says which actions' filters became true. Nothing here calls user code or knows packets.
//
// Rules (Kleene's logic): an edge of a later level is undecided; a predicate that generated code did not report at its
// level is false; about a session, a negative edge is decided for each session, and without any session when the
// protocol turns out to be another one or the connection ends.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "jit/plan/plan.hpp"

namespace iris::conn {

// An action whose filter is true: `in_session`, for the session at hand.
struct Match {
  plan::ActionId action = 0;
  bool in_session = false;
  bool operator==(const Match&) const = default;
};

// What is known of a connection when it ends.
struct Known {
  bool protocol_decided = false;  // on_protocol was called
  std::uint32_t protocol = 0;
  bool sessions = false;  // on_session was called
};

// Walks one plan for one worker. Each call replaces what matches() and frontier() say. Matches are in the order in
// which they were reached, each once (for a session: once a session). Actions that are not alive, or younger than the
// connection, are left out.
class Progress {
 public:
  Progress() = default;
  explicit Progress(const plan::Plan& plan) : plan_(&plan) {}

  // From now on. The plan outlives its use.
  void use(const plan::Plan& plan) noexcept { plan_ = &plan; }

  // `truths`: the true predicates of the level, ascending, as generated code found them. `birth`: the connection's.
  void on_tuple(std::span<const plan::PredicateId> truths, std::uint32_t birth);
  // `protocol` 0: none was identified.
  void on_protocol(std::span<const plan::PredicateId> truths, std::uint32_t protocol,
                   std::span<const plan::NodeId> frontier, std::uint32_t birth);
  // The frontier stays as it is: another session may match again.
  void on_session(std::span<const plan::PredicateId> truths, std::uint32_t protocol,
                  std::span<const plan::NodeId> frontier, std::uint32_t birth);
  void on_end(const Known& known, std::span<const plan::NodeId> frontier, std::uint32_t birth);

  // Whether a connection of that age still gains anything from being at `id`, reached under an older plan.
  [[nodiscard]] bool survives(plan::NodeId id, std::uint32_t birth) const;

  [[nodiscard]] std::span<const Match> matches() const { return matches_; }
  // Where the connection is after on_tuple or on_protocol; empty after the others.
  [[nodiscard]] std::span<const plan::NodeId> frontier() const { return kept_; }

 private:
  enum class Moment : std::uint8_t { tuple, protocol, session, end };

  [[nodiscard]] const plan::Node* node(plan::NodeId id) const;
  void enter(plan::NodeId id);
  void follow(const plan::Node& node);
  void follow_positive(const plan::Node& node);
  [[nodiscard]] bool now_false(const plan::Edge& edge) const;
  [[nodiscard]] bool keeps(const plan::Node& node) const;
  void report(const plan::Node& node, bool sessions_only);
  void begin(Moment moment, std::span<const plan::PredicateId> truths, std::uint32_t birth);

  const plan::Plan* plan_ = nullptr;
  // Of the call at hand.
  Moment moment_ = Moment::tuple;
  std::span<const plan::PredicateId> truths_;
  Known known_;
  std::uint32_t birth_ = 0;
  std::vector<plan::NodeId> kept_;  // the next frontier
  std::vector<Match> matches_;
};

}  // namespace iris::conn
