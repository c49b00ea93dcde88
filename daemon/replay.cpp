// `irisd replay`: the daemon's engine over captures, in capture time.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "daemon/control/records.hpp"
#include "daemon/control/registry.hpp"
#include "daemon/options.hpp"
#include "daemon/output/file_sink.hpp"
#include "daemon/output/output.hpp"
#include "daemon/run.hpp"
#include "daemon/source/capture.hpp"
#include "daemon/worker/rounds.hpp"
#include "jit/engine/engine.hpp"
#include "proto/filter_files.hpp"

namespace iris {
namespace {

// The table's seed makes attacks on live traffic hard; a replay does not want to differ from run to run.
constexpr std::uint64_t replay_seed = 0;

int failed(const Error& error) {
  fmt::print(stderr, "irisd: {}\n", error.message);
  return 1;
}

// What filters in `text` name, relative to `folder`: empty is the current one.
jit::Source with_files(jit::Source source, std::string_view text, const std::filesystem::path& folder) {
  for (auto& file : proto::read_filter_files(text, folder)) {
    source.files.push_back({std::move(file.name), std::move(file.content), std::move(file.failure)});
  }
  return source;
}

Result<jit::Source> read_source(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file || std::filesystem::is_directory(path)) {
    return fail(ErrorCode::unavailable, fmt::format("{}: cannot be read as a subscription's source", path.string()));
  }
  jit::Source source{path.string(), text};
  return with_files(std::move(source), text, path.parent_path());
}

void tell(const control::Added& added) {
  if (!added.warnings.empty()) fmt::print(stderr, "{}\n", added.warnings);
}

// By default everything there is.
Result<void> add_records(control::Registry& registry, const ReplayOptions& options) {
  if (options.records.empty() && !options.subscriptions.empty()) return {};
  auto source = control::source_of(options.records);
  if (!source) return std::unexpected(source.error());
  const auto added = registry.add("", with_files(std::move(*source), options.filter, {}), options.filter);
  if (!added) return std::unexpected(added.error());
  tell(*added);
  return {};
}

Result<void> add_all(control::Registry& registry, const ReplayOptions& options, const Signals& signals) {
  for (const auto& path : options.subscriptions) {
    if (signals.stop().stop_requested()) return fail(ErrorCode::unavailable, "interrupted before the first packet");
    const auto source = read_source(path);
    if (!source) return std::unexpected(source.error());
    const auto added = registry.add("", *source);
    if (!added) return std::unexpected(added.error());
    tell(*added);
  }
  return add_records(registry, options);
}

using Trackers = std::vector<std::unique_ptr<conn::Tracker>>;

Result<Trackers> make_trackers(const ReplayOptions& options, source::Source& source, output::Output& output) {
  const conn::Limits limits = connection_limits(options.config);
  Trackers trackers;
  for (std::uint32_t i = 0; i < options.cores; ++i) {
    auto tracker = conn::Tracker::create(
        {.limits = limits, .worker = i, .seed = replay_seed, .holder = source, .sink = output.worker(i)});
    if (!tracker) return std::unexpected(tracker.error());
    trackers.push_back(std::move(*tracker));
  }
  return trackers;
}

struct Totals {
  std::uint64_t connections = 0;
  std::uint64_t events = 0;
  std::uint64_t dropped = 0;
};

Totals totals(const control::Registry& registry, const Trackers& trackers) {
  Totals sum;
  for (const auto& tracker : trackers) sum.connections += tracker->counters().begun.load();
  for (const auto& subscription : registry.list()) {
    sum.events += subscription.emitted;
    sum.dropped += subscription.dropped;
  }
  return sum;
}

}  // namespace

int run_replay(const ReplayOptions& options, const Signals& signals) {
  const auto start = std::chrono::steady_clock::now();
  auto source = source::CaptureSource::open(options.captures);
  if (!source) return failed(source.error());
  auto sink = output::FileSink::open(options.output, output::Opening::truncate);
  if (!sink) return failed(sink.error());
  const std::uint32_t workers = options.cores;
  output::Output output({.workers = workers, .mode = output::Mode::ordered});
  output.add_sink(std::move(*sink));

  auto compiler = jit::Compiler::start({});
  if (!compiler) return failed(compiler.error());
  auto engine = engine::Engine::create();
  if (!engine) return failed(engine.error());
  publish::Publisher publisher(workers);
  control::Registry registry({**compiler, **engine, publisher, output, workers, {}});
  if (auto started = registry.start(); !started) return failed(started.error());
  if (auto added = add_all(registry, options, signals); !added) return failed(added.error());

  // Indexes may still be tidied, which replaces the pipeline.
  publisher.online(0);
  const bool show_layers = publisher.current(0)->packets.has_value();
  publisher.offline(0);

  const auto trackers = make_trackers(options, **source, output);
  if (!trackers) return failed(trackers.error());
  worker::Rounds rounds({.source = **source,
                         .publisher = publisher,
                         .output = output,
                         .trackers = *trackers,
                         .intake = intake_options(options.config),
                         .show_layers = show_layers});
  rounds.run(signals.stop());

  const Totals sum = totals(registry, *trackers);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  fmt::print(stderr, "{} packets, {} bytes, {} connections, {} events, {} dropped, {:.3f} seconds\n",
             rounds.intake().packets.load(), rounds.intake().bytes.load(), sum.connections, sum.events, sum.dropped,
             elapsed.count());
  const auto unwritten = output.failure();
  output.stop();
  if (const auto& damage = (*source)->error()) return failed(*damage);
  if (unwritten) return failed(*unwritten);
  if (signals.stop().stop_requested()) return failed({ErrorCode::unavailable, "interrupted: the rest was not read"});
  return 0;
}

}  // namespace iris
