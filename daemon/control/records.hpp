// The records of subscriptions/logs, the default analysis, as subscriptions: by name, narrowed by a filter. Their
// sources are part of the program, so that an installed one has them too.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jit/abi/result.hpp"
#include "jit/compiler.hpp"

namespace iris::control {

struct RecordSource {
  std::string_view name;  // "conn": of the file, and of the struct that it emits
  std::string_view text;
};

// Ascending by name. Made at build time from the folder's files.
[[nodiscard]] std::span<const RecordSource> record_sources() noexcept;

// One subscription that emits these records; `names` empty: all. Fails with `not_found` for an unknown name, naming the
// known ones.
[[nodiscard]] Result<jit::Source> source_of(std::span<const std::string> names);

}  // namespace iris::control
