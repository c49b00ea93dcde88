// Filters of an author's own that mean what the language can say, too: what the interpreter knows of one, it knows of
// the other.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "jit/filter/user_filter.hpp"

namespace iris::oracle {

struct OwnFilter {
  std::string_view name;
  std::string_view sessions_of;  // the protocol; empty: it answers for the connection
  std::string_view meaning;
  std::string_view source;
};

[[nodiscard]] std::span<const OwnFilter> own_filters();
// nullptr: it is none.
[[nodiscard]] const OwnFilter* own_filter(std::string_view name);
// As the language is told of them.
[[nodiscard]] filter::UserFilters own_names();

}  // namespace iris::oracle
