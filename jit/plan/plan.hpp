// The merged action graph of all live callbacks: pure data, immutable, printable.
//
// Each filter is in disjunctive normal form; the clauses of all filters share one trie of literals, in the order in
// which they become decidable. A connection's progress is the set of nodes it has reached and that can still lead
// somewhere (its frontier); it advances when facts arrive, by edges whose predicate turned out true (or, for negative
// edges, false). Predicates are evaluated by generated code, each once for a connection or a session, whoever asks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jit/abi/data_types.hpp"
#include "jit/filter/filter.hpp"
#include "jit/index/index.hpp"

namespace iris::plan {

using NodeId = std::uint32_t;
using ActionId = std::uint32_t;
using PredicateId = std::uint32_t;

// The node at which every connection begins.
inline constexpr NodeId root = 0;

struct Edge {
  PredicateId predicate = 0;
  NodeId child = 0;
  parsers::Level level = parsers::Level::tuple;  // of the predicate
  std::uint32_t protocol = 0;                    // level session: number of the protocol whose sessions it is about
};

struct Node {
  std::vector<Edge> positive;     // taken when the predicate is true; ascending by predicate
  std::vector<Edge> negative;     // taken when the predicate is known to be false
  std::vector<ActionId> actions;  // of the callbacks with a clause that ends here
  // Of the node's own edges, and of session-scoped actions: what can still happen here.
  bool awaits_protocol = false;
  std::uint64_t awaits_sessions = 0;  // bit per protocol number
  bool awaits_end = false;            // a negative edge that the connection's end may decide
  // Over the node and everything below it.
  abi::Observation observes;                 // what callbacks want to know of the connection, from its start
  std::uint32_t oldest_birth = 0xffffffffU;  // no connection born before it can come to anything here
};

// How often a callback runs when its filter is true.
enum class Scope : std::uint8_t { connection, session };

struct Action {
  std::uint32_t subscription = 0;
  std::uint32_t birth = 0;  // epoch: older connections are not shown to it
  Scope scope = Scope::connection;
  std::uint32_t protocol = 0;  // scope session
  bool several_clauses = false;
  abi::Observation observes;
  bool alive = false;  // false: removed (connections that know it let go of it when they adopt), or free
  std::string name;    // for printing: subscription/callback
  std::string filter;  // its text
};

struct Family {
  const parsers::Field* field = nullptr;
  filter::Operator op = filter::Operator::present;
  std::shared_ptr<const index::Index> index;
};

struct Plan {
  std::uint32_t epoch = 0;
  std::vector<std::shared_ptr<const Node>> nodes;  // by NodeId; nullptr: not in use
  std::vector<Action> actions;                     // by ActionId
  std::vector<Family> families;                    // sorted by (level, protocol, field, operator)
  std::vector<std::string> predicates;             // by PredicateId, as text; empty: not in use
};

// The graph as text, the same for the same subscriptions in the same order.
[[nodiscard]] std::string to_text(const Plan& plan);

}  // namespace iris::plan
