// The configuration in the engine's own terms and units.
#pragma once

#include "daemon/config/config.hpp"
#include "daemon/conn/limits.hpp"
#include "daemon/worker/intake.hpp"

namespace iris {

// "connections" and "reassembly".
[[nodiscard]] conn::Limits connection_limits(const config::Config& config);

// "fragments" and "tunnels". The hash of datagrams has no secret seed yet.
[[nodiscard]] worker::IntakeOptions intake_options(const config::Config& config);

}  // namespace iris
