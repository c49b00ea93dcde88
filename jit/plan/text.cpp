#include "jit/plan/plan.hpp"

namespace iris::plan {
namespace {

void print(const Plan& plan, NodeId id, unsigned depth, std::string& out) {
  const Node& node = *plan.nodes[id];
  const std::string indent(std::size_t{2} * depth, ' ');
  for (const ActionId action_id : node.actions) {
    const Action& action = plan.actions[action_id];
    out += indent + "=> " + action.name + (action.scope == Scope::session ? ", each session" : "") +
           (action.observes.any() ? ", tracked" : "") + "\n";
  }
  for (const Edge& edge : node.positive) {
    out += indent + plan.predicates[edge.predicate] + "\n";
    print(plan, edge.child, depth + 1, out);
  }
  for (const Edge& edge : node.negative) {
    out += indent + "not " + plan.predicates[edge.predicate] + "\n";
    print(plan, edge.child, depth + 1, out);
  }
}

}  // namespace

std::string to_text(const Plan& plan) {
  std::string out;
  print(plan, root, 0, out);
  return out;
}

}  // namespace iris::plan
