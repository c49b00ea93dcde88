// The daemon: ports, workers, subscriptions and the control socket, put together, and taken apart in the reverse order.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <pthread.h>
#include <cstdio>
#include <random>
#include <thread>

#include "daemon/control/registry.hpp"
#include "daemon/control/server.hpp"
#include "daemon/output/file_sink.hpp"
#include "daemon/output/output.hpp"
#include "daemon/run.hpp"
#include "daemon/source/eal.hpp"
#include "daemon/source/player.hpp"
#include "daemon/source/pool.hpp"
#include "daemon/source/port.hpp"
#include "daemon/source/port_source.hpp"
#include "daemon/worker/worker.hpp"
#include "jit/engine/engine.hpp"

namespace iris {
namespace {

constexpr std::int64_t second = 1'000'000'000;

conn::Limits limits_of(const config::Connections& config) {
  conn::Limits limits;
  limits.capacity = config.capacity;
  limits.tcp_inactivity = {config.tcp_inactivity_seconds * second};
  limits.udp_inactivity = {config.udp_inactivity_seconds * second};
  limits.tcp_establish = {config.tcp_establish_seconds * second};
  limits.reassembly.packets = config.out_of_order_packets;
  return limits;
}

// Everything that packets come from. Declared in the order in which it is taken apart last.
struct Traffic {
  std::unique_ptr<source::Eal> eal;
  std::unique_ptr<source::Pool> pool;
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

Result<Traffic> open_traffic(const config::Config& config) {
  Traffic traffic;
  auto eal = source::Eal::start(config.eal.arguments);
  if (!eal) return std::unexpected(eal.error());
  traffic.eal = std::move(*eal);
  const std::uint32_t workers = config.workers.count;
  source::PoolDemand demand{.workers = workers};
  demand.handed_over = worker::Mailboxes::capacity(workers);
  demand.queues = static_cast<std::uint32_t>(config.ports.size()) * workers + (config.play ? 1 : 0);
  for (const auto& port : config.ports) {
    demand.rx_descriptors = std::max<std::uint32_t>(demand.rx_descriptors, port.rx_descriptors);
  }
  const std::uint32_t buffers = config.mempool.buffers != 0 ? config.mempool.buffers : source::buffers_needed(demand);
  auto pool = source::Pool::create({.buffers = buffers, .buffer_size = config.mempool.buffer_size});
  if (!pool) return std::unexpected(pool.error());
  traffic.pool = std::move(*pool);
  for (const auto& port : config.ports) {
    auto opened = source::Port::open({.device = port.device,
                                      .queues = static_cast<std::uint16_t>(workers),
                                      .rx_descriptors = port.rx_descriptors,
                                      .promiscuous = port.promiscuous,
                                      .mtu = port.mtu},
                                     *traffic.pool);
    if (!opened) return std::unexpected(opened.error());
    traffic.ports.push_back(std::move(*opened));
  }
  if (config.play) {
    auto player = source::Player::start(
        {.capture = config.play->capture, .loop = config.play->loop, .speed = config.play->speed}, *traffic.pool);
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
    lane.source = std::make_unique<source::PortSource>(ports, i);
    auto tracker = conn::Tracker::create({.limits = limits_of(config.connections),
                                          .worker = i,
                                          .seed = std::uint64_t{random()} << 32 | random(),
                                          .holder = *lane.source,
                                          .sink = shared.output.worker(i)});
    if (!tracker) return std::unexpected(tracker.error());
    lane.tracker = std::move(*tracker);
    const auto idle = config.workers.idle == config::Idle::poll ? worker::Idle::poll : worker::Idle::yield;
    lane.worker = std::make_unique<worker::Worker>(
        worker::Parts{.number = i,
                      .idle = idle,
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

void describe(const std::vector<Lane>& lanes, const Traffic& traffic, control::Status& status) {
  for (const auto* port : traffic.all_ports())
    status.ports.push_back({port->device(), port->packets(), port->bytes(), port->missed()});
  for (const Lane& lane : lanes) {
    const conn::TrackerCounters& counters = lane.tracker->counters();
    control::WorkerInfo info;
    info.lcore = lane.lcore;
    info.epoch = lane.worker->epoch();
    const worker::IntakeCounters& intake = lane.worker->intake();
    info.packets = intake.packets.load();
    info.bytes = intake.bytes.load();
    info.undecoded = intake.undecoded();
    info.connections_begun = counters.begun.load();
    info.connections_ended = counters.ended.load();
    info.connections_live = info.connections_begun - info.connections_ended;
    info.table_full = counters.evicted.load() + counters.evicted_half_open.load();
    status.workers.push_back(info);
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
                              [&](control::Status& status) { describe(*lanes, *traffic, status); }});
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
