// Is it HTTP? Decided on the first line of either side.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::http {

// Matches on a request line, a status line, and HTTP/2's preface.
[[nodiscard]] Probe probe(const Beginning& beginning) noexcept;

// Whether it begins with a CONNECT.
[[nodiscard]] bool may_tunnel(const Beginning& beginning) noexcept;

}  // namespace iris::parsers::http
