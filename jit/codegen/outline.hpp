// A small plan as straight-line code sees it: its nodes, and the predicates that each of its functions finds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "jit/plan/plan.hpp"

namespace iris::codegen {

// What happens to a connection. Level::session: of that protocol; else the protocol is 0.
struct Moment {
  parsers::Level level = parsers::Level::tuple;
  std::uint32_t protocol = 0;
  auto operator<=>(const Moment&) const = default;
};

struct Outline {
  std::vector<plan::NodeId> nodes;  // the root first, each before those below it; a node's place is its place here
  // What is found at each moment, ascending; a predicate's bit is its place here.
  std::map<Moment, std::vector<plan::PredicateId>> predicates;
  std::uint64_t none_of = 0;  // protocols of whose sessions none(…) asks, bit per number

  [[nodiscard]] std::uint32_t place(plan::NodeId node) const;
  [[nodiscard]] std::uint64_t bit(const Moment& moment, plan::PredicateId predicate) const;
};

// nullopt: the plan is not small.
[[nodiscard]] std::optional<Outline> outline(const plan::Plan& plan);

// Whether the edge's predicate is looked for at the moment.
[[nodiscard]] bool is_found(const plan::Edge& edge, const Moment& moment);

}  // namespace iris::codegen
