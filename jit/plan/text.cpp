#include "jit/plan/planner.hpp"

namespace iris::plan {

std::string to_text(const Planner& planner) {
  const Plan& plan = planner.current();
  std::string out;
  for (const Step& step : planner.steps()) {
    if (step.depth != 0) {
      out += std::string(std::size_t{2} * (step.depth - 1), ' ') + (step.edge.negated ? "not " : "") +
             filter::to_text(*plan.predicates[step.edge.predicate]) + "\n";
    }
    for (const ActionId id : view(plan.nodes[step.node].actions)) {
      const Action& action = plan.actions[id];
      out += std::string(std::size_t{2} * step.depth, ' ') + "=> " + action.text->name +
             (action.scope == Scope::session ? ", each session" : "") + (action.tracked ? ", tracked" : "") + "\n";
    }
  }
  return out;
}

}  // namespace iris::plan
