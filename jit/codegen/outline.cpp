#include "jit/codegen/outline.hpp"

#include <algorithm>

namespace iris::codegen {
namespace {

// A connection tries the nodes it stands at one after the other, and so it does with what is found.
constexpr std::size_t most_nodes = 96;
constexpr std::size_t most_predicates = 64;  // of a moment: bits of a word

Moment moment_of(const plan::Edge& edge) {
  return {edge.level, edge.level == parsers::Level::session ? edge.protocol : 0};
}

// Returns whether there is room for it.
bool find(Outline& outline, const Moment& moment, plan::PredicateId predicate) {
  std::vector<plan::PredicateId>& found = outline.predicates[moment];
  const auto at = std::ranges::lower_bound(found, predicate);
  if (at == found.end() || *at != predicate) found.insert(at, predicate);
  return found.size() <= most_predicates;
}

// The node and what is below it. Returns whether there is room for everything.
bool add(const plan::Plan& plan, plan::NodeId id, Outline& outline) {
  const plan::Node& node = plan.nodes[id];
  if (outline.nodes.size() == most_nodes) return false;
  if (plan::view(node.few).size() != node.positive) return false;
  outline.nodes.push_back(id);
  for (const auto& edges : {plan::view(node.few), plan::view(node.negative)}) {
    for (const plan::Edge& edge : edges) {
      if (!edge.unindexed && !find(outline, moment_of(edge), edge.predicate)) return false;
    }
  }
  for (const auto& edges : {plan::view(node.few), plan::view(node.direct), plan::view(node.negative)}) {
    for (const plan::Edge& edge : edges) {
      if (!add(plan, edge.child, outline)) return false;
    }
  }
  return true;
}

bool add(const plan::SomeSession& some, Outline& outline) {
  outline.none_of |= std::uint64_t{1} << some.protocol;
  return std::ranges::all_of(some.parts, [&](const plan::SomeSession::Part& part) {
    return find(outline, {parsers::Level::session, some.protocol}, part.predicate);
  });
}

}  // namespace

std::uint32_t Outline::place(plan::NodeId node) const {
  return static_cast<std::uint32_t>(std::ranges::find(nodes, node) - nodes.begin());
}

std::uint64_t Outline::bit(const Moment& moment, plan::PredicateId predicate) const {
  const auto& found = predicates.at(moment);
  return std::uint64_t{1} << (std::ranges::lower_bound(found, predicate) - found.begin());
}

std::optional<Outline> outline(const plan::Plan& plan) {
  Outline outline;
  if (!add(plan, plan::root, outline)) return std::nullopt;
  if (plan.some_sessions != nullptr) {
    for (const plan::SomeSession& some : *plan.some_sessions) {
      if (!add(some, outline)) return std::nullopt;
    }
  }
  return outline;
}

bool is_found(const plan::Edge& edge, const Moment& moment) { return !edge.unindexed && moment_of(edge) == moment; }

}  // namespace iris::codegen
