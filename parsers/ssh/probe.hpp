// Is it SSH? Decided on the identification line of either side.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::ssh {

// Matches on "SSH-" and a version. Lines that a server sends before it are not waited for: the client's tells.
[[nodiscard]] Probe probe(const Beginning& beginning) noexcept;

}  // namespace iris::parsers::ssh
