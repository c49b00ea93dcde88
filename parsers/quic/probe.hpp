// Is it QUIC? Decided on the first datagram of either side.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::quic {

// Matches on packets with a long header of a known version, Version Negotiation, and Google's packets that name their
// version. An Initial of a version that is not known has to be padded (RFC 9000, 14.1).
[[nodiscard]] Probe probe(const Beginning& beginning) noexcept;

}  // namespace iris::parsers::quic
