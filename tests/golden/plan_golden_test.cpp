// Filters, one callback a line as `name: filter` (`name each TLS session: filter` for session callbacks; `- name` takes
// one away again) → the merged plan.
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "jit/plan/planner.hpp"
#include "tests/golden/golden.hpp"

namespace iris::plan {
namespace {

constexpr std::string_view each_session = " each TLS session";

Request request_of(std::string name, const std::string& filter) {
  Request request;
  if (name.ends_with(each_session)) {
    name.resize(name.size() - each_session.size());
    request.scope = Scope::session;
    request.protocol = static_cast<std::uint32_t>(parsers::find_protocol("tls") - parsers::registry().data());
  }
  auto parsed = filter::parse(filter);
  if (!parsed) throw std::invalid_argument(filter::render(filter, parsed.error()));
  request.filter = std::move(*parsed);
  request.name = std::move(name);
  return request;
}

std::string plan_of(const std::string& text) {
  Planner planner(1);
  std::map<std::string, ActionId> actions;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("- ")) {
      planner.remove(actions.at(line.substr(2)));
      continue;
    }
    const auto colon = line.find(": ");
    const Request request = request_of(line.substr(0, colon), colon == std::string::npos ? "" : line.substr(colon + 2));
    const auto action = planner.add(request);
    if (!action) return "error: " + action.error().message;
    actions[request.name] = *action;
  }
  const auto plan = planner.snapshot(1);
  return plan ? to_text(planner) : "error: " + plan.error().message;
}

TEST(Plan, Golden) { golden::check_all(plan_of); }

}  // namespace
}  // namespace iris::plan
