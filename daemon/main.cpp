// irisd: the command line.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <utility>

#include "daemon/run.hpp"

namespace {

constexpr int wrong_usage = 2;

// Standard output is for events.
void log_to_stderr(spdlog::level::level_enum level) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("irisd"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %n %l: %v");
  spdlog::set_level(level);
}

int refused(const iris::Error& error) {
  fmt::print(stderr, "irisd: {}\n", error.message);
  return 1;
}

int run_daemon(const std::string& file, const iris::Signals& signals) {
  const auto config = file.empty() ? iris::config::default_config() : iris::config::load_config(file);
  return config ? iris::run_daemon(*config, signals) : refused(config.error());
}

int run_replay(const std::string& file, iris::ReplayOptions options, const iris::Signals& signals) {
  if (!file.empty()) {
    auto config = iris::config::load_config(file, iris::config::Use::replay);
    if (!config) return refused(config.error());
    options.config = std::move(*config);
  }
  return iris::run_replay(options, signals);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Keeps a network tap's ports and connections, while subscriptions come and go.", "irisd");
  app.set_version_flag("--version", "irisd " IRIS_VERSION);
  std::string config;
  app.add_option("--config", config, "JSON file; without it: no NIC, recorded traffic, the default control socket")
      ->type_name("FILE");

  iris::ReplayOptions replay;
  auto* replay_command = app.add_subcommand("replay", "Runs subscriptions once over captures (pcap, pcapng)");
  replay_command->add_option("captures", replay.captures, "Capture files, read one after the other")
      ->type_name("CAPTURE")
      ->required();
  replay_command->add_option("--subscription", replay.subscriptions, "C++ source; may be given several times")
      ->type_name("SRC")
      ->allow_extra_args(false)
      ->required();
  replay_command->add_option("--output", replay.output, "Where events go as JSON lines; -: standard output")
      ->type_name("FILE")
      ->capture_default_str();
  replay_command
      ->add_option("--config", config, "JSON file: connections, reassembly, fragments and tunnels of it are followed")
      ->type_name("FILE");
  replay_command
      ->add_option("--cores", replay.cores, "How many workers share the connections; the events stay the same")
      ->type_name("N")
      ->check(CLI::Range(1U, iris::ReplayOptions::most_cores))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : wrong_usage;
  }
  const iris::Signals signals;
  log_to_stderr(replay_command->parsed() ? spdlog::level::warn : spdlog::level::info);
  return replay_command->parsed() ? run_replay(config, replay, signals) : run_daemon(config, signals);
}
