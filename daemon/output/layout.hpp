// Whether a row's layout is one that the encoder can follow. The layout comes from another process, so it is checked
// once, when its subscription is registered, and trusted from then on.
#pragma once

#include "jit/abi/result.hpp"
#include "jit/abi/row.hpp"

namespace iris::output {

// How deep types may nest.
inline constexpr unsigned max_depth = 32;

// Fails with ErrorCode::invalid, naming the member.
[[nodiscard]] Result<void> check_layout(const abi::Row& row);

}  // namespace iris::output
