// One predicate evaluated by itself, without an index: for what is asked so seldom that an index would cost more.
#pragma once

#include "jit/filter/filter.hpp"

namespace iris::index {

// Of a predicate at parsers::Level::tuple, on what that level's offsets are relative to. Fields that are computed, and
// regular expressions, are not served: is_direct says of which predicates it may be asked.
[[nodiscard]] bool is_direct(const filter::Predicate& predicate) noexcept;
[[nodiscard]] bool holds(const filter::Predicate& predicate, const void* subject) noexcept;

}  // namespace iris::index
