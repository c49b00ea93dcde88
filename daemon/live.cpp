// The daemon: ports, workers, subscriptions and the control socket, put together, and taken apart in the reverse order.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <pthread.h>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include "daemon/control/registry.hpp"
#include "daemon/control/server.hpp"
#include "daemon/options.hpp"
#include "daemon/output/file_sink.hpp"
#include "daemon/output/output.hpp"
#include "daemon/run.hpp"
#include "daemon/source/eal.hpp"
#include "daemon/source/node.hpp"
#include "daemon/source/player.hpp"
#include "daemon/source/pool.hpp"
#include "daemon/source/port.hpp"
#include "daemon/source/port_source.hpp"
#include "daemon/worker/worker.hpp"
#include "jit/engine/engine.hpp"

namespace iris {
namespace {

// Everything that packets come from. Declared in the order in which it is taken apart last.
struct Traffic {
  std::unique_ptr<source::Eal> eal;
  std::map<int, std::unique_ptr<source::Pool>> pools;  // by the NUMA node of their ports
  std::vector<std::unique_ptr<source::Port>> ports;
  std::unique_ptr<source::Player> player;

  [[nodiscard]] std::vector<const source::Port*> all_ports() const {
    std::vector<const source::Port*> all;
    all.reserve(ports.size() + 1);
    for (const auto& port : ports) all.push_back(port.get());
    if (player != nullptr) all.push_back(&player->port());
    return all;
  }
};

// A pool for each NUMA node that has ports; at least one. Every worker receives from every port.
Result<void> open_pools(const config::Config& config, Traffic& traffic) {
  const source::PoolDemand none{.queues = 0,
                                .workers = config.workers.count,
                                .held_packets = config.reassembly.held_packets,
                                .fragments = config.fragments.packets,
                                .handed_over = worker::Mailboxes::capacity(config.workers.count)};
  std::map<int, source::PoolDemand> demands;
  for (const auto& port : config.ports) {
    source::PoolDemand& demand = demands.try_emplace(source::node_of(port.device), none).first->second;
    demand.queues += config.workers.count;
    demand.rx_descriptors = std::max<std::uint32_t>(demand.rx_descriptors, port.rx_descriptors);
  }
  if (demands.empty()) demands.emplace(source::any_node, none);
  if (config.play) ++demands.begin()->second.queues;
  for (const auto& [node, demand] : demands) {
    const std::uint32_t buffers = config.mempool.buffers != 0 ? config.mempool.buffers : source::buffers_needed(demand);
    auto pool = source::Pool::create({.buffers = buffers, .buffer_size = config.mempool.buffer_size, .node = node});
    if (!pool) return std::unexpected(pool.error());
    traffic.pools[node] = std::move(*pool);
  }
  return {};
}

Result<Traffic> open_traffic(const config::Config& config) {
  Traffic traffic;
  auto eal = source::Eal::start(config.eal.arguments);
  if (!eal) return std::unexpected(eal.error());
  traffic.eal = std::move(*eal);
  if (auto pools = open_pools(config, traffic); !pools) return std::unexpected(pools.error());
  for (const auto& port : config.ports) {
    auto opened = source::Port::open({.device = port.device,
                                      .queues = config.workers.count,
                                      .rx_descriptors = port.rx_descriptors,
                                      .promiscuous = port.promiscuous,
                                      .mtu = port.mtu},
                                     *traffic.pools.at(source::node_of(port.device)));
    if (!opened) return std::unexpected(opened.error());
    traffic.ports.push_back(std::move(*opened));
  }
  if (config.play) {
    auto player =
        source::Player::start({.capture = config.play->capture, .loop = config.play->loop, .speed = config.play->speed},
                              *traffic.pools.begin()->second);
    if (!player) return std::unexpected(player.error());
    traffic.player = std::move(*player);
  }
  return traffic;
}

// The smallest redirection table is part of the larger ones: all devices can follow it, and so can software.
source::Owner make_owner(const config::Config& config, Traffic& traffic) {
  std::uint32_t table = 0;
  for (const auto& port : traffic.ports) {
    if (port->table_size() > 0) table = table == 0 ? port->table_size() : std::min(table, port->table_size());
  }
  const source::Owner owner(config.workers.count, table == 0 ? source::Owner::usual_table : table);
  for (const auto& port : traffic.ports) port->follow(owner);
  return owner;
}

// One core's parts, and the thread that runs them.
struct Lane {
  std::unique_ptr<source::PortSource> source;
  std::unique_ptr<conn::Tracker> tracker;
  std::unique_ptr<worker::Worker> worker;
  std::uint32_t lcore = 0;
  std::jthread thread;
};

void pin(std::uint32_t cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (const int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set); error != 0) {
    spdlog::warn("CPU {}: no worker can be bound to it ({}); it runs wherever the system puts it", cpu,
                 std::generic_category().message(error));
  }
}

// Runs this thread on a CPU for as long as it lives: memory that it touches lies on that CPU's node.
class OnCpu {
 public:
  explicit OnCpu(std::uint32_t cpu) {
    pthread_getaffinity_np(pthread_self(), sizeof before_, &before_);
    pin(cpu);
  }
  ~OnCpu() { pthread_setaffinity_np(pthread_self(), sizeof before_, &before_); }
  OnCpu(const OnCpu&) = delete;
  OnCpu& operator=(const OnCpu&) = delete;

 private:
  cpu_set_t before_{};
};

std::uint64_t random_seed(std::random_device& random) { return std::uint64_t{random()} << 32 | random(); }

// What the lanes share.
struct Shared {
  const Traffic& traffic;
  worker::Mailboxes& mailboxes;
  publish::Publisher& publisher;
  output::Output& output;
};

Result<std::vector<Lane>> make_lanes(const config::Config& config, const Shared& shared) {
  const auto ports = shared.traffic.all_ports();
  std::random_device random;
  std::vector<Lane> lanes(config.workers.count);
  for (std::uint16_t i = 0; i < config.workers.count; ++i) {
    Lane& lane = lanes[i];
    lane.lcore = config.workers.lcores.empty() ? i : config.workers.lcores[i];
    std::optional<OnCpu> there;
    if (!config.workers.lcores.empty()) there.emplace(lane.lcore);
    lane.source = std::make_unique<source::PortSource>(ports, i, config.workers.count);
    auto tracker = conn::Tracker::create({.limits = connection_limits(config),
                                          .worker = i,
                                          .seed = random_seed(random),
                                          .holder = *lane.source,
                                          .sink = shared.output.worker(i)});
    if (!tracker) return std::unexpected(tracker.error());
    lane.tracker = std::move(*tracker);
    const auto idle = config.workers.idle == config::Idle::poll ? worker::Idle::poll : worker::Idle::yield;
    worker::IntakeOptions intake = intake_options(config);
    intake.fragments.seed = random_seed(random);
    lane.worker = std::make_unique<worker::Worker>(
        worker::Parts{.number = i,
                      .idle = idle,
                      .intake = intake,
                      .mailboxes = config.workers.count > 1 ? &shared.mailboxes : nullptr,
                      .source = *lane.source,
                      .publisher = shared.publisher,
                      .tracker = *lane.tracker});
  }
  return lanes;
}

void start(std::vector<Lane>& lanes, bool bound) {
  for (Lane& lane : lanes) {
    lane.thread = std::jthread([&lane, bound](const std::stop_token& stop) {
      if (bound) pin(lane.lcore);
      const source::EalThread known;
      lane.worker->run(stop);
    });
  }
}

void stop(std::vector<Lane>& lanes) {
  for (Lane& lane : lanes) lane.thread.request_stop();
  for (Lane& lane : lanes) {
    if (lane.thread.joinable()) lane.thread.join();
  }
}

control::MemoryInfo describe(const conn::MemoryUse& use) { return {use.used, use.reserved, use.refused}; }

void describe(const conn::Tracker& tracker, control::WorkerInfo& info) {
  const conn::TrackerCounters& counters = tracker.counters();
  info.connections.begun = counters.begun.load();
  info.connections.ended = counters.ended.load();
  info.connections.live = info.connections.begun - std::min(info.connections.begun, info.connections.ended);
  info.connections.evicted_half_open = counters.evicted_half_open.load();
  info.connections.evicted = counters.evicted.load();
  info.connections.unobserved = counters.unobserved.load();
  info.connections.stray_resets = counters.stray_resets.load();
  info.connections.filtered = counters.filtered.load();
  info.connections.midstream_ignored = counters.midstream_ignored.load();
  const conn::HoldCounters& held = tracker.held();
  using conn::GapReason;
  info.reassembly = {.held_packets = held.held_packets.load(),
                     .copied_bytes = held.copied_bytes.load(),
                     .gaps = {.time = held.gaps_by(GapReason::time),
                              .packets = held.gaps_by(GapReason::packets),
                              .bytes = held.gaps_by(GapReason::bytes),
                              .pool = held.gaps_by(GapReason::pool),
                              .jump = held.gaps_by(GapReason::jump),
                              .end = held.gaps_by(GapReason::end),
                              .cut = held.gaps_by(GapReason::cut)},
                     .dropped_segments = held.dropped_segments.load(),
                     .inconsistent_bytes = counters.inconsistent_bytes.load()};
  const conn::TrackerMemory memory = tracker.memory();
  info.memory.table = describe(memory.table);
  info.memory.cold = describe(memory.cold);
  info.memory.arenas = describe(memory.arenas);
  info.memory.blocks = describe(memory.blocks);
  info.memory.copies = describe(memory.copies);
}

void describe(const worker::IntakeCounters& counters, control::WorkerInfo& info) {
  info.packets = counters.packets.load();
  info.bytes = counters.bytes.load();
  info.undecoded = counters.undecoded();
  info.undecoded_by_reason = {counters.not_ip.load(), counters.other_transport.load(), counters.truncated.load(),
                              counters.malformed.load()};
  const worker::FragmentCounters fragments = counters.reassembled();
  info.fragments = {.fragments = fragments.fragments,
                    .datagrams = fragments.datagrams,
                    .cut_off = fragments.cut_off,
                    .expired = fragments.expired,
                    .evicted = fragments.evicted,
                    .overlapping = fragments.overlapping,
                    .malformed = fragments.malformed,
                    .duplicates = fragments.duplicates,
                    .lost = fragments.lost};
  info.hand_over = {counters.handed_over.load(), counters.lost_in_hand_over.load()};
}

control::WorkerPressureInfo describe(const source::PressureState& state) {
  const auto now = state.now == source::Pressure::critical ? control::PressureInfo::critical
                   : state.now == source::Pressure::low    ? control::PressureInfo::low
                                                           : control::PressureInfo::none;
  return {now, state.since, state.low, state.critical};
}

void describe(const std::vector<Lane>& lanes, const Traffic& traffic, control::Status& status) {
  for (const auto* port : traffic.all_ports())
    status.ports.push_back({port->device(), port->packets(), port->bytes(), port->missed()});
  for (const Lane& lane : lanes) {
    control::WorkerInfo& info = status.workers.emplace_back();
    info.lcore = lane.lcore;
    info.epoch = lane.worker->epoch();
    describe(lane.worker->intake(), info);
    describe(*lane.tracker, info);
    info.pressure = describe(lane.source->pressure_state());
  }
}

int failed(const Error& error) {
  fmt::print(stderr, "irisd: {}\n", error.message);
  return 1;
}

}  // namespace

int run_daemon(const config::Config& config, const Signals& signals) {
  output::Output output({.workers = config.workers.count});
  if (config.output.file) {
    auto sink = output::FileSink::open(*config.output.file, output::Opening::append);
    if (!sink) return failed(sink.error());
    output.add_sink(std::move(*sink));
  }
  auto compiler = jit::Compiler::start({});
  if (!compiler) return failed(compiler.error());
  auto engine = engine::Engine::create();
  if (!engine) return failed(engine.error());
  auto traffic = open_traffic(config);
  if (!traffic) return failed(traffic.error());
  publish::Publisher publisher(config.workers.count);
  worker::Mailboxes mailboxes(make_owner(config, *traffic));
  auto lanes = make_lanes(config, {*traffic, mailboxes, publisher, output});
  if (!lanes) return failed(lanes.error());
  control::Registry registry({**compiler, **engine, publisher, output, config.workers.count,
                              [&](control::Status& status) { describe(*lanes, *traffic, status); },
                              [&] {
                                std::vector<const conn::Tracker*> trackers;
                                for (const Lane& lane : *lanes) trackers.push_back(lane.tracker.get());
                                return trackers;
                              }});
  if (auto started = registry.start(); !started) return failed(started.error());
  auto server = control::Server::start(config.control.socket.string(), registry, output);
  if (!server) return failed(server.error());

  output.start();
  start(*lanes, !config.workers.lcores.empty());
  spdlog::info("irisd {}: {} port(s), {} worker(s), control socket {}", IRIS_VERSION, traffic->all_ports().size(),
               lanes->size(), config.control.socket.string());
  if (config.play) spdlog::info("playing {}", config.play->capture.string());
  signals.wait();
  spdlog::info("stopping");
  (*server)->stop();
  if (traffic->player != nullptr) traffic->player->stop();
  stop(*lanes);
  mailboxes.clear(*lanes->front().source);
  output.stop();
  return 0;
}

}  // namespace iris
