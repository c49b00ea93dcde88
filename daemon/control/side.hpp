// The callbacks of one kind of subject, connections or packets, as they are planned. The two share no predicate and no
// action: what is asked of a packet by itself is answered for each packet, and of a connection once.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "daemon/conn/pipeline.hpp"
#include "jit/frontend/spec.hpp"
#include "jit/plan/planner.hpp"

namespace iris::control {

[[nodiscard]] bool is_of_packets(const frontend::Callback& callback);

// A filter of the callback as one about its kind of subject. Fails with ErrorCode::invalid and the place in the filter.
[[nodiscard]] Result<filter::Filter> parse_filter(const frontend::Callback& callback, const std::string& filter,
                                                  const filter::Names& names);

struct Side {
  explicit Side(std::uint32_t workers) : planner(workers) {}

  // Makes what the planner holds now, with the code for it. Calls `lap` with the name of each stage that is done.
  [[nodiscard]] Result<void> merge(std::uint32_t epoch, codegen::DispatchCompiler& dispatcher, conn::Merged& merged,
                                   const std::function<void(const char*)>& lap);

  plan::Planner planner;
  index::Paged<std::shared_ptr<const conn::Callee>> callees;  // by ActionId
  std::size_t live = 0;                                       // actions that are not removed
  std::size_t takes_session_data = 0;                         // of these: run at L7InSession
};

}  // namespace iris::control
