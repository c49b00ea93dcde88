// Is it DNS? Decided on the first message of either side.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::dns {

// Matches on a message whose header makes sense and whose sections take all of it. What is cut off, or answers without
// repeating a question, is DNS where a port says so.
[[nodiscard]] Probe probe(const Beginning& beginning) noexcept;

}  // namespace iris::parsers::dns
