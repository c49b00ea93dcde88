// Keeps the merged graph while callbacks come and go, and makes immutable plans of it. Identifiers are stable: what a
// connection remembers under one plan means the same under the next. An identifier that a removal frees is used again
// only after `forget`, when no connection can know it any more.
//
// A change costs what it changes: the nodes on the way from the root to it, and entries of the indexes.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
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

// A node of the graph on the way from the root, for whoever shows it.
struct Step {
  NodeId node = root;
  unsigned depth = 0;  // of the root 0
  Edge edge;           // that leads there; of the root none
  bool direct = false;
  std::uint32_t clauses = 0;  // that pass through or end here
};

// Thread: one at a time.
class Planner {
 public:
  // `workers` threads will look values up in the indexes.
  explicit Planner(std::uint32_t workers);

  // Fails, and changes nothing, with ErrorCode::invalid when no clause can be true together with what the callback
  // takes, and when a regular expression is not one.
  [[nodiscard]] Result<ActionId> add(const Request& request);
  void remove(ActionId action);  // it stays in the table, not alive
  void forget(ActionId action);  // after remove, when no connection knows it

  // Fails when an index cannot be built; the planner is unchanged then: remove what was added.
  [[nodiscard]] Result<std::shared_ptr<const Plan>> snapshot(std::uint32_t epoch);

  // Work on an index that takes long, for the thread that has the time; nullopt: there is none.
  struct Tidying {
    std::uint64_t family = 0;
    std::unique_ptr<index::Tidying> work;
  };
  [[nodiscard]] std::optional<Tidying> tidy();
  // When it is done. Returns whether the next snapshot is another for it.
  [[nodiscard]] bool finish(const Tidying& tidying);

  // The whole graph, each node before those below it; the same for the same subscriptions in the same order.
  [[nodiscard]] std::vector<Step> steps() const;
  // Every node that a clause of the action passes through, the root and the last ones included. Ascending.
  [[nodiscard]] std::vector<NodeId> nodes_of(ActionId action) const;
  // As it is now, but for the families.
  [[nodiscard]] const Plan& current() const { return plan_; }
  // By number.
  [[nodiscard]] std::vector<Family> families() const;
  // The family whose index finds the predicate; nullopt: none does.
  [[nodiscard]] std::optional<std::uint32_t> family_of(PredicateId predicate) const;
  [[nodiscard]] std::size_t predicates_of(std::uint32_t family) const;

 private:
  struct Draft {
    NodeId parent = root;
    Edge edge;                // from the parent
    bool direct = false;      // the edge is among the parent's direct ones
    std::uint32_t users = 0;  // clauses that pass through or end here
    std::uint32_t wide = 0;   // children that most connections reach
    std::vector<NodeId> children;
  };
  struct FamilyKey {
    parsers::Level level;
    std::uint32_t protocol;
    const parsers::Field* field;
    filter::Operator op;
    auto operator<=>(const FamilyKey&) const = default;
  };
  struct FamilyDraft {
    std::unique_ptr<index::Builder> builder;
    std::size_t predicates = 0;
    std::size_t number = 0;
    std::uint64_t serial = 0;                   // of no family that was before
    std::shared_ptr<const index::Index> index;  // nullptr: changed
  };
  struct PredicateDraft {
    index::PredicatePtr predicate;
    std::uint32_t users = 0;
    std::uint32_t lookups = 0;  // users that find it in its family's index
  };
  struct ActionDraft {
    abi::Observation observes;
    std::vector<NodeId> terminals;
    std::vector<Reach> reaches;      // of its clauses, but for those that reach all
    std::uint32_t reaching_all = 0;  // so many
    std::vector<NodeId> freed;       // node ids to give back at forget
  };

  [[nodiscard]] std::optional<PredicateId> number_of(const filter::Predicate& predicate) const;
  [[nodiscard]] PredicateId intern(const filter::Predicate& predicate);
  [[nodiscard]] Result<void> use(PredicateId id, bool lookup);
  [[nodiscard]] Result<void> use_parts(const filter::SomeSession& some);
  void forget_predicate(PredicateId id);
  void disuse_parts(const filter::SomeSession& some);
  void disuse(PredicateId id, bool lookup);
  [[nodiscard]] Result<std::vector<filter::Clause>> clauses_of(const Request& request) const;
  [[nodiscard]] Result<NodeId> insert(const filter::Clause& clause);
  [[nodiscard]] Result<NodeId> descend(NodeId from, const filter::Literal& literal, bool direct);
  [[nodiscard]] NodeId find(NodeId from, PredicateId predicate, bool negated) const;
  void connect(NodeId from, NodeId child);
  void disconnect(NodeId from, NodeId child);
  void ascend(NodeId from, std::vector<NodeId>& freed);
  void include(NodeId node, const Node& below, const Edge& edge);
  void include(NodeId node, ActionId action);
  void refresh(NodeId node);  // computes anew what is known of it and what is below
  [[nodiscard]] Result<FamilyDraft*> family(const FamilyKey& key);
  void drop(std::map<FamilyKey, FamilyDraft>::iterator family);
  [[nodiscard]] NodeId new_node();
  [[nodiscard]] ActionId new_action();

  std::uint32_t workers_;
  Plan plan_;  // but for its families' indexes
  std::vector<Draft> drafts_;
  std::vector<NodeId> free_nodes_;
  std::vector<ActionDraft> actions_;
  std::vector<ActionId> free_actions_;
  std::vector<PredicateDraft> predicates_;
  std::unordered_multimap<std::size_t, PredicateId> predicate_ids_;  // by filter::hash
  std::vector<PredicateId> free_predicates_;
  std::map<FamilyKey, FamilyDraft> families_;
  std::vector<bool> family_numbers_;  // in use
  std::uint64_t family_serial_ = 0;
  PacketFilterBuilder packet_filter_;
  std::map<const parsers::Field*, SomeSession> some_sessions_;
};

// The graph as text, the same for the same subscriptions in the same order.
[[nodiscard]] std::string to_text(const Planner& planner);

}  // namespace iris::plan
