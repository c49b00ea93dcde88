// Keeps the merged graph while callbacks come and go, and makes immutable plans of it. Identifiers are stable: what a
// connection remembers under one plan means the same under the next. An identifier that a removal frees is used again
// only after `forget`, when no connection can know it any more.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "jit/plan/plan.hpp"

namespace iris::plan {

struct Request {
  std::uint32_t subscription = 0;
  std::uint32_t birth = 0;
  filter::Filter filter;
  Scope scope = Scope::connection;
  std::uint32_t protocol = 0;  // scope session: whose sessions it takes; implied by every clause
  abi::Observation observes;
  std::string name;
};

// Thread: one at a time.
class Planner {
 public:
  // `workers` threads will look values up in the indexes.
  explicit Planner(std::uint32_t workers);

  // Fails with ErrorCode::invalid when no clause can be true together with what the callback takes.
  [[nodiscard]] Result<ActionId> add(const Request& request);
  void remove(ActionId action);  // it stays in the table, not alive
  void forget(ActionId action);  // after remove, when no connection knows it

  // Fails when an index cannot be built; the planner is unchanged then: remove what was added.
  [[nodiscard]] Result<std::shared_ptr<const Plan>> snapshot(std::uint32_t epoch);

 private:
  struct Draft {
    Node node;
    NodeId parent = root;
    filter::Literal literal;  // of the edge from the parent
    std::uint32_t users = 0;  // clauses that pass through or end here
    std::map<filter::Literal, NodeId> children;
    std::shared_ptr<const Node> frozen;  // nullptr: changed since the last snapshot
  };
  struct FamilyKey {
    parsers::Level level;
    std::uint32_t protocol;
    const parsers::Field* field;
    filter::Operator op;
    auto operator<=>(const FamilyKey&) const = default;
  };
  struct FamilyDraft {
    std::set<PredicateId> predicates;
    std::shared_ptr<const index::Index> index;  // nullptr: changed
  };
  struct PredicateDraft {
    filter::Predicate predicate;
    std::uint32_t users = 0;
  };
  struct ActionDraft {
    Action action;
    std::vector<NodeId> terminals;
    std::vector<NodeId> freed;  // node ids to give back at forget
  };

  PredicateId acquire(const filter::Predicate& predicate);
  void release(const filter::Predicate& predicate);
  NodeId descend(NodeId from, const filter::Literal& literal);
  void ascend(NodeId from, std::vector<NodeId>& freed);
  void refresh(NodeId node);  // recomputes what is known of it and of everything above it
  Result<void> build_indexes();
  static FamilyKey family_of(const filter::Predicate& predicate);

  std::uint32_t workers_;
  std::vector<Draft> nodes_;
  std::vector<NodeId> free_nodes_;
  std::vector<ActionDraft> actions_;
  std::vector<ActionId> free_actions_;
  std::map<filter::Predicate, PredicateId> predicate_ids_;
  std::vector<PredicateDraft> predicates_;
  std::vector<PredicateId> free_predicates_;
  std::map<FamilyKey, FamilyDraft> families_;
};

}  // namespace iris::plan
