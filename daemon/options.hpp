// The configuration in the engine's own terms and units.
#pragma once

#include "daemon/config/config.hpp"
#include "daemon/conn/limits.hpp"
#include "daemon/worker/fragments.hpp"
#include "parsers/packet/tunnel.hpp"

namespace iris {

// "connections" and "reassembly".
[[nodiscard]] conn::Limits connection_limits(const config::Config& config);

// "fragments"
[[nodiscard]] worker::FragmentLimits fragment_limits(const config::Config& config);

// "tunnels", but for which layers are wanted.
[[nodiscard]] parsers::packet::Tunnels tunnels(const config::Config& config);

}  // namespace iris
