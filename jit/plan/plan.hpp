// The merged action graph of all live callbacks: pure data, printable, and one of many versions that share nearly all
// of their memory.
//
// Each filter is in disjunctive normal form; the clauses of all filters share one trie of literals, in the order in
// which they become decidable. A connection's progress is the set of nodes it has reached and that can still lead
// somewhere (its frontier); it advances when facts arrive, by edges whose predicate turned out true (or, for negative
// edges, false). Predicates are evaluated by generated code, each once for a connection or a session, whoever asks.
// Streaming predicates (parsers::Level::stream) come last in a clause: what leads to them may be reached long before
// they are decided, and the node behind them is pending meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jit/abi/data_types.hpp"
#include "jit/filter/filter.hpp"
#include "jit/index/index.hpp"
#include "jit/index/paged.hpp"
#include "jit/index/sharded.hpp"
#include "jit/plan/packet_filter.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::plan {

using NodeId = std::uint32_t;
using ActionId = std::uint32_t;
using PredicateId = std::uint32_t;

// The node at which every connection begins. No edge leads to it.
inline constexpr NodeId root = 0;

struct Edge {
  PredicateId predicate = 0;
  NodeId child = 0;
  parsers::Level level = parsers::Level::tuple;  // of the predicate
  bool negated = false;
  bool unindexed = false;  // the predicate is (parsers::Field::unindexed)
  // Number of the protocol whose sessions it is about, or that it asks for; 0: several, or none.
  std::uint32_t protocol = 0;
};

// Shared between versions; nullptr: empty.
template <class T>
using Shared = std::shared_ptr<std::vector<T>>;

struct Node {
  static constexpr std::uint32_t never = 0xffffffffU;

  // Taken when the predicate is true. `few` has them, ascending by predicate, where there are at most `few_edges`;
  // Plan::child finds each in any case.
  Shared<Edge> few;
  std::uint32_t positive = 0;
  bool used = false;
  // Of the node's own edges, and of session-scoped actions: what can still happen here.
  bool awaits_protocol = false;
  bool awaits_end = false;            // a negative edge that the connection's end may decide
  std::uint64_t awaits_sessions = 0;  // bit per protocol number
  // Protocols of session-scoped actions here and behind the node's streaming edges, bit per number: each session that
  // comes while a predicate is undecided has to wait for it, too.
  std::uint64_t tells_sessions = 0;
  bool asks_sessions = false;  // a direct edge of an author's predicate on sessions
  // Streaming literals that every way on from here asks for: where one of them can no longer be, nothing is left to
  // come to. Ascending by predicate; their `child` means nothing.
  Shared<Edge> guards;
  // Predicates on connections that no index answers, and that the node's edges, and those below, ask about; ascending.
  Shared<const parsers::Field*> verdicts;
  // Over the node and everything below it.
  abi::Observation observes;           // what callbacks want to know of the connection, from its start
  std::uint32_t oldest_birth = never;  // no connection born before it can come to anything here

  Shared<Edge> negative;  // taken when the predicate is known to be false
  // Evaluated one by one when the node is reached, or as soon as they can be decided: streaming predicates, authors'
  // own, and those that Planner asks about last.
  Shared<Edge> direct;
  Shared<ActionId> actions;  // of the callbacks with a clause that ends here; ascending
  Edge from_above;           // that leads here
};
inline constexpr std::size_t few_edges = 16;

template <class T>
[[nodiscard]] std::span<const T> view(const Shared<T>& shared) noexcept {
  return shared == nullptr ? std::span<const T>() : std::span<const T>(*shared);
}

// An edge by where it begins and what it asks.
struct Transition {
  std::uint64_t key = 0;
  NodeId child = root;

  [[nodiscard]] static constexpr std::uint64_t key_of(NodeId from, PredicateId predicate, bool negated) noexcept {
    return std::uint64_t{from} << 33U | std::uint64_t{predicate} << 1U | (negated ? 1U : 0U);
  }
  [[nodiscard]] bool empty() const noexcept { return child == root; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return index::hash_number(key); }
};

// How often a callback runs when its filter is true.
enum class Scope : std::uint8_t { connection, session };

// For printing.
struct ActionText {
  std::string name;    // subscription/callback
  std::string filter;  // as written
};

struct Action {
  std::uint32_t subscription = 0;
  std::uint32_t birth = 0;  // epoch: older connections are not shown to it
  Scope scope = Scope::connection;
  bool several_clauses = false;
  bool tracked = false;        // it observes something
  bool alive = false;          // false: removed (connections that know it let go of it when they adopt), or free
  std::uint32_t protocol = 0;  // scope session
  std::shared_ptr<const ActionText> text;
};

// Of a field × operator. Its place in Plan::families is its number for as long as anybody asks for it, so that code and
// counters that name it outlive other families' coming and going.
struct Family {
  const parsers::Field* field = nullptr;  // nullptr: the place is free
  filter::Operator op = filter::Operator::present;
  std::shared_ptr<const index::Index> index;
};

inline constexpr std::size_t max_families = 1024;

// A filter::SomeSession by what its clause asks of each session.
struct SomeSession {
  struct Part {
    PredicateId predicate = 0;
    bool negated = false;
  };

  const parsers::Field* field = nullptr;
  std::uint32_t protocol = 0;
  std::vector<Part> parts;
};

struct Plan {
  std::uint32_t epoch = 0;
  index::Paged<Node> nodes;                      // by NodeId
  index::Paged<Action> actions;                  // by ActionId
  index::Paged<index::PredicatePtr> predicates;  // by PredicateId; nullptr: not in use
  index::Sharded<Transition> transitions;
  std::vector<Family> families;
  std::shared_ptr<const PacketFilter> packet_filter;  // of connections; the same as in the plan before, if it can be
  std::shared_ptr<const std::vector<SomeSession>> some_sessions;  // ascending by field; nullptr: none
  // Numbers that mean something new since the plan before: whoever counts by them begins anew.
  std::vector<NodeId> new_nodes;
  std::vector<std::uint32_t> new_families;

  // Where the positive edge leads; root: there is none.
  [[nodiscard]] NodeId child(NodeId from, PredicateId predicate) const noexcept {
    const std::uint64_t key = Transition::key_of(from, predicate, false);
    const Transition* found =
        transitions.find(index::hash_number(key), [key](const Transition& slot) { return slot.key == key; });
    return found == nullptr ? root : found->child;
  }
};

}  // namespace iris::plan
