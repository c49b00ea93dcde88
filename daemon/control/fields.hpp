// What filters may name, as the parsers' schemas say it.
#pragma once

#include <iris/v1/control.pb.h>

#include <string_view>
#include <vector>

#include "jit/abi/result.hpp"
#include "parsers/api.hpp"

namespace iris::control {

// The one of that name, or all for an empty one. Fails with `not_found`, and the nearest name there is.
[[nodiscard]] Result<std::vector<const parsers::Protocol*>> protocols_named(std::string_view name);

void fill(v1::FieldsResponse::Protocol& message, const parsers::Protocol& protocol);

}  // namespace iris::control
