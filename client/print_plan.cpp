// `irisctl explain`.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "client/print.hpp"
#include "client/text.hpp"

namespace iris::client {
namespace {

using nlohmann::ordered_json;

// Of a node's children: how many are shown to people. The rest is summed up.
constexpr std::size_t most_children = 12;

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string root_name(const v1::PlanGraph& graph) { return graph.of_packets() ? "every packet" : "every connection"; }

std::string literal_of(const v1::PlanGraph& graph, const v1::PlanNode& node) {
  if (node.depth() == 0) return root_name(graph);
  return node.literal() + (node.direct() ? " (asked last)" : "");
}

// The index behind the last node below `at`.
int end_of(const v1::PlanGraph& graph, int at) {
  int end = at + 1;
  while (end < graph.nodes_size() && graph.nodes(end).depth() > graph.nodes(at).depth()) ++end;
  return end;
}

std::vector<int> children_of(const v1::PlanGraph& graph, int at) {
  std::vector<int> children;
  const int end = end_of(graph, at);
  for (int child = at + 1; child < end; child = end_of(graph, child)) children.push_back(child);
  return children;
}

class Tree {
 public:
  explicit Tree(const v1::PlanGraph& graph) : graph_(graph) {}

  [[nodiscard]] std::string text() && {
    if (graph_.nodes_size() != 0) add(0);
    return table(rows_);
  }

 private:
  void add(int at) {
    const v1::PlanNode& node = graph_.nodes(at);
    const std::string indent(std::size_t{2} * node.depth(), ' ');
    std::string about = node.depth() == 0 ? (graph_.straight() ? "by straight-line code" : "by look-ups")
                                          : fmt::format("{} filter{}", node.filters(), node.filters() == 1 ? "" : "s");
    if (node.shared_with_size() != 0) about += fmt::format(", shared with {}", fmt::join(node.shared_with(), ", "));
    rows_.push_back({indent + literal_of(graph_, node), std::to_string(node.reached()), percent(node.share()), about});
    for (const auto& callback : node.callbacks()) {
      rows_.push_back({indent + "  => " + callback.name() + (callback.each_session() ? ", each session" : ""),
                       std::to_string(callback.matched()), percent(callback.share()),
                       fmt::format("{} call{}", callback.calls(), callback.calls() == 1 ? "" : "s")});
    }
    add_children(children_of(graph_, at));
  }

  void add_children(std::vector<int> children) {
    std::uint64_t rest = 0;
    double share = 0;
    std::size_t left = 0;
    if (children.size() > most_children) {
      std::ranges::sort(children, [&](int one, int other) {
        const std::uint64_t reached = graph_.nodes(one).reached();
        return reached != graph_.nodes(other).reached() ? reached > graph_.nodes(other).reached() : one < other;
      });
      left = children.size() - most_children;
      for (const int child : std::span(children).last(left)) {
        rest += graph_.nodes(child).reached();
        share += graph_.nodes(child).share();
      }
      children.resize(most_children);
    }
    for (const int child : children) add(child);
    if (left == 0) return;
    const std::string indent(std::size_t{2} * graph_.nodes(children.front()).depth(), ' ');
    rows_.push_back({fmt::format("{}… and {} more", indent, left), std::to_string(rest), percent(share),
                     "irisctl --json explain has all"});
  }

  const v1::PlanGraph& graph_;
  std::vector<Row> rows_{{"", "reached", "time", ""}};
};

std::string shares_text(const google::protobuf::RepeatedPtrField<v1::WorkShare>& all) {
  std::vector<std::string> shares;
  for (const auto& each : all) shares.push_back(each.name() + " " + percent(each.share()));
  return fmt::format("{}", fmt::join(shares, ", "));
}

std::string lookups_text(const v1::PlanGraph& graph) {
  if (graph.lookups().empty()) return {};
  std::vector<Row> rows{{"index", "predicates", "look-ups", "time"}};
  for (const auto& lookup : graph.lookups()) {
    rows.push_back({lookup.field() + " " + lookup.op(), std::to_string(lookup.predicates()),
                    std::to_string(lookup.count()), percent(lookup.share())});
  }
  return "\n" + table(rows);
}

// In a label of Graphviz.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string counts(std::uint64_t count, double share) { return fmt::format("{}, {}", count, percent(share)); }

// Attributes of what takes that share of the time: the more, the redder.
std::string colour(double share) {
  return share < 0.001 ? "" : fmt::format(", style=filled, fillcolor=\"0.03 {:.2f} 1.0\"", std::min(1.0, 2 * share));
}

}  // namespace

std::string plan_text(const v1::ExplainResponse& plan) {
  std::string text = fmt::format("epoch {}, {} subscription{}, {} packets\n", plan.epoch(), plan.subscriptions(),
                                 plan.subscriptions() == 1 ? "" : "s", plan.packets());
  if (plan.samples() != 0) {
    text += fmt::format("time: {} (of {} samples)\n", shares_text(plan.work()), plan.samples());
    if (plan.parsers_size() != 0) text += fmt::format("parsers: {}\n", shares_text(plan.parsers()));
  } else if (!plan.graphs().empty()) {
    text += "time: nothing was sampled yet\n";
  }
  if (plan.graphs().empty()) text += "nobody wants anything\n";
  for (const auto& graph : plan.graphs()) text += "\n" + Tree(graph).text() + lookups_text(graph);
  return text;
}

std::string plan_dot(const v1::ExplainResponse& plan) {
  std::string text = "digraph plan {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n";
  for (int g = 0; g < plan.graphs_size(); ++g) {
    const v1::PlanGraph& graph = plan.graphs(g);
    std::vector<int> way;  // the latest node of each depth
    for (int i = 0; i < graph.nodes_size(); ++i) {
      const v1::PlanNode& node = graph.nodes(i);
      text += fmt::format("  n{}_{} [label=\"{}\\n{}\"{}];\n", g, i, escaped(literal_of(graph, node)),
                          counts(node.reached(), node.share()), colour(node.share()));
      way.resize(node.depth());
      if (!way.empty()) text += fmt::format("  n{0}_{1} -> n{0}_{2};\n", g, way.back(), i);
      way.push_back(i);
      for (int c = 0; c < node.callbacks_size(); ++c) {
        const v1::PlanCallback& callback = node.callbacks(c);
        text += fmt::format("  c{0}_{1}_{2} [label=\"{3}\\n{4}\", shape=ellipse{5}];\n  n{0}_{1} -> c{0}_{1}_{2};\n", g,
                            i, c, escaped(callback.name()), counts(callback.matched(), callback.share()),
                            colour(callback.share()));
      }
    }
    for (int i = 0; i < graph.lookups_size(); ++i) {
      const v1::PlanLookup& lookup = graph.lookups(i);
      text += fmt::format("  l{}_{} [label=\"{} {}\\n{}\", shape=cylinder{}];\n", g, i, escaped(lookup.field()),
                          escaped(lookup.op()), counts(lookup.count(), lookup.share()), colour(lookup.share()));
    }
  }
  return text + "}\n";
}

std::string plan_json(const v1::ExplainResponse& plan) {
  ordered_json graphs = ordered_json::array();
  for (const auto& graph : plan.graphs()) {
    ordered_json nodes = ordered_json::array();
    for (const auto& node : graph.nodes()) {
      ordered_json callbacks = ordered_json::array();
      for (const auto& callback : node.callbacks()) {
        callbacks.push_back({{"name", callback.name()},
                             {"each_session", callback.each_session()},
                             {"matched", callback.matched()},
                             {"calls", callback.calls()},
                             {"share", callback.share()}});
      }
      nodes.push_back({{"depth", node.depth()},
                       {"literal", node.literal()},
                       {"direct", node.direct()},
                       {"reached", node.reached()},
                       {"share", node.share()},
                       {"filters", node.filters()},
                       {"shared_with", node.shared_with()},
                       {"callbacks", std::move(callbacks)}});
    }
    ordered_json lookups = ordered_json::array();
    for (const auto& lookup : graph.lookups()) {
      lookups.push_back({{"field", lookup.field()},
                         {"op", lookup.op()},
                         {"predicates", lookup.predicates()},
                         {"count", lookup.count()},
                         {"share", lookup.share()}});
    }
    graphs.push_back({{"of", graph.of_packets() ? "packets" : "connections"},
                      {"by", graph.straight() ? "straight-line code" : "look-ups"},
                      {"nodes", std::move(nodes)},
                      {"lookups", std::move(lookups)}});
  }
  ordered_json work = ordered_json::object();
  for (const auto& each : plan.work()) work[each.name()] = each.share();
  ordered_json parsers = ordered_json::object();
  for (const auto& each : plan.parsers()) parsers[each.name()] = each.share();
  return line({{"epoch", plan.epoch()},
               {"subscriptions", plan.subscriptions()},
               {"packets", plan.packets()},
               {"samples", plan.samples()},
               {"work", std::move(work)},
               {"parsers", std::move(parsers)},
               {"graphs", std::move(graphs)}});
}

}  // namespace iris::client
