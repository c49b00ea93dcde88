// Of the planner's own.
#pragma once

#include <cstdint>

#include "jit/filter/filter.hpp"

namespace iris::plan {

// Number of the protocol whose sessions the predicate is about; 0: none.
[[nodiscard]] std::uint32_t protocol_of(const filter::Predicate& predicate);

}  // namespace iris::plan
