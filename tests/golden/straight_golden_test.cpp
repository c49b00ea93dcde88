// Filters, one callback a line → the straight-line code of their plan, before the helpers are inlined.
#include <sstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "jit/codegen/straight.hpp"
#include "jit/plan/planner.hpp"
#include "tests/golden/golden.hpp"

namespace iris::codegen {
namespace {

std::string ir_of(const std::string& text) {
  plan::Planner planner(1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    auto parsed = filter::parse(line);
    if (!parsed) throw std::invalid_argument(filter::render(line, parsed.error()));
    plan::Request request;
    request.filter = std::move(*parsed);
    if (const auto added = planner.add(request); !added) return "error: " + added.error().message;
  }
  const auto plan = planner.snapshot(1);
  if (!plan) return "error: " + plan.error().message;
  const auto ir = straight_ir(**plan);
  return ir ? *ir : "error: " + ir.error().message;
}

TEST(StraightGolden, PlansBecomeFunctions) { golden::check_all(ir_of); }

}  // namespace
}  // namespace iris::codegen
