// The two ways to run the engine: as a daemon on ports, and once over captures.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/signals.hpp"

namespace iris {

// Until a signal. Returns the exit status; what went wrong is on stderr.
[[nodiscard]] int run_daemon(const config::Config& config, const Signals& signals);

struct ReplayOptions {
  std::vector<std::filesystem::path> captures;
  std::vector<std::filesystem::path> subscriptions;
  std::filesystem::path output = "-";  // "-": standard output
  config::Config config;               // connections, reassembly, fragments and tunnels of it
  std::uint32_t cores = 1;             // workers, 1 to most_cores; events are the same for any number
  static constexpr std::uint32_t most_cores = 128;
};

// Events to the output, a summary to stderr. Returns the exit status.
[[nodiscard]] int run_replay(const ReplayOptions& options, const Signals& signals);

}  // namespace iris
