// QUIC as filters and the registry see it.
#pragma once

#include "parsers/api.hpp"

namespace iris::parsers::quic {

// Without presence: the registry numbers it.
extern const Protocol protocol;

}  // namespace iris::parsers::quic
