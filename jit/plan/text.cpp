#include <algorithm>

#include "jit/plan/plan.hpp"

namespace iris::plan {
namespace {

class Printer {
 public:
  explicit Printer(const Plan& plan) : plan_(plan) {
    for (NodeId id = 0; id < plan.nodes.size(); ++id) {
      if (!plan.nodes[id].used || plan.nodes[id].few != nullptr) continue;
      // Children of a node with many edges are found by asking for each predicate.
      for (PredicateId predicate = 0; plan.nodes[id].positive != 0 && predicate < plan.predicates.size(); ++predicate) {
        if (const NodeId child = plan.child(id, predicate); child != root) many_.push_back({id, predicate, child});
      }
    }
  }

  [[nodiscard]] std::string run() && {
    print(root, 0);
    return std::move(out_);
  }

 private:
  struct Way {
    NodeId from;
    PredicateId predicate;
    NodeId child;
  };

  void print(NodeId id, unsigned depth) {
    const Node& node = plan_.nodes[id];
    const std::string indent(std::size_t{2} * depth, ' ');
    for (const ActionId action_id : view(node.actions)) {
      const Action& action = plan_.actions[action_id];
      out_ += indent + "=> " + action.text->name + (action.scope == Scope::session ? ", each session" : "") +
              (action.tracked ? ", tracked" : "") + "\n";
    }
    for (const Edge& edge : view(node.few)) print(edge.predicate, false, edge.child, depth);
    for (const Way& way : many_) {
      if (way.from == id) print(way.predicate, false, way.child, depth);
    }
    for (const Edge& edge : view(node.negative)) print(edge.predicate, true, edge.child, depth);
    for (const Edge& edge : view(node.direct)) print(edge.predicate, edge.negated, edge.child, depth);
  }

  void print(PredicateId predicate, bool negated, NodeId child, unsigned depth) {
    out_ += std::string(std::size_t{2} * depth, ' ') + (negated ? "not " : "") +
            filter::to_text(*plan_.predicates[predicate]) + "\n";
    print(child, depth + 1);
  }

  const Plan& plan_;
  std::vector<Way> many_;
  std::string out_;
};

}  // namespace

std::string to_text(const Plan& plan) { return Printer(plan).run(); }

}  // namespace iris::plan
