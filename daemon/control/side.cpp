#include "daemon/control/side.hpp"

#include <utility>

namespace iris::control {

// All of a callback's functions are of one kind (frontend::from_text sees to that).
bool is_of_packets(const frontend::Callback& callback) { return callback.functions.front().event == Event::Packet; }

Result<filter::Filter> parse_filter(const frontend::Callback& callback, const std::string& filter,
                                    const filter::Names& names) {
  const auto subject = is_of_packets(callback) ? filter::Subject::packet : filter::Subject::connection;
  auto parsed = filter::parse(filter, subject, names);
  if (parsed) return std::move(*parsed);
  return fail(ErrorCode::invalid, filter::render(filter, parsed.error()));
}

Result<void> Side::merge(std::uint32_t epoch, codegen::DispatchCompiler& dispatcher, conn::Merged& merged,
                         const std::function<void(const char*)>& lap) {
  auto plan = planner.snapshot(epoch);
  if (!plan) return std::unexpected(plan.error());
  lap("plan");
  std::vector<codegen::FamilyShape> shapes;
  for (const plan::Family& family : (*plan)->families) {
    shapes.push_back({family.field, family.op});
    merged.needs_headers |= family.field != nullptr && family.field->of_headers;
    merged.families.push_back({family.index == nullptr ? nullptr : family.index->table()});
  }
  auto dispatch = dispatcher.compile(shapes);
  if (!dispatch) return std::unexpected(dispatch.error());
  lap("dispatch");
  merged.plan = std::move(*plan);
  merged.dispatch = std::move(*dispatch);
  merged.callees = callees;
  return {};
}

}  // namespace iris::control
