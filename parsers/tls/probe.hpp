// Is it TLS? Decided on the beginning of what either side sent.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::tls {

// Matches on records that carry the beginning of a ClientHello or a ServerHello with lengths that fit it, whatever
// records it is split into, behind any alerts; and on an SSLv2 ClientHello whose lengths add up. Either hello is taken
// from either side: who originated a connection that was joined midway is a guess.
[[nodiscard]] Probe probe(const Beginning& beginning) noexcept;

}  // namespace iris::parsers::tls
