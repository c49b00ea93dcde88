// What a packet costs: the worker's path from a burst to events, with packets from memory, beside two floors of the
// same run: the source alone, and the source with decoding. Each conversation has 20 packets, handshake and TLS hellos
// included; the conversations' packets are interleaved at random.
//
//   build/bin/bench_worker [--benchmark_filter=…]
//
// `per_packet` is CPU time of the thread. Without a subscription the packet filter leaves all out; `tracked_only` has
// one that wants none of them, which it cannot know. `idle_bytes` is what a connection costs that nobody wants;
// `active_bytes` what the live ones cost beside that, on average. `packet_filters` is of packets by themselves, of
// which each of so many filters asks a port and a network, and none matches: by look-ups (0) and by straight-line code
// (1). `bursts_while_expiring` is about single bursts of 32 packets: their median and 99th percentile in µs, before a
// million connections expire, and while they do.
#include <benchmark/benchmark.h>

#include <spdlog/spdlog.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "parsers/packet/decode.hpp"
#include "tests/support/conversations.hpp"
#include "tests/support/rig.hpp"

namespace iris {
namespace {

constexpr std::size_t burst_size = 32;

constexpr const char* counter = R"(
#include <iris/iris.hpp>
struct Row { std::uint64_t packets; };
static std::uint64_t connections = 0;
IRIS_CALLBACK("tcp") void count(const iris::ConnRecord& record) {
  if (++connections % 1000000 == 0) iris::emit(Row{record.originator.packets});
}
)";

// Of none of the conversations, which their first packets tell; but not their ports, so that all are tracked.
constexpr const char* elsewhere = R"(
#include <iris/iris.hpp>
struct Row { std::uint64_t packets; };
IRIS_CALLBACK("tcp and ipv6") void count(const iris::ConnRecord& record) {
  iris::emit(Row{record.originator.packets});
}
)";

constexpr const char* sni = R"(
#include <iris/iris.hpp>
struct Row { std::string_view sni; };
static std::uint64_t names = 0;
IRIS_CALLBACK("tls.sni contains 'example'") void name(const iris::TlsHandshake& tls) {
  if (++names % 1000000 == 0) iris::emit(Row{tls.sni()});
}
)";

void report(benchmark::State& state) {
  const auto packets = static_cast<double>(state.iterations()) * burst_size;
  state.counters["per_packet"] = benchmark::Counter(packets, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

support::Conversations conversations(const benchmark::State& state) {
  return support::Conversations({.conversations = static_cast<std::uint32_t>(state.range(0)), .packets = 20});
}

void source_alone(benchmark::State& state) {
  auto traffic = conversations(state);
  std::array<source::PacketRef, burst_size> burst;
  for (auto _ : state) benchmark::DoNotOptimize(traffic.generate(burst));
  report(state);
}

void source_and_decode(benchmark::State& state) {
  auto traffic = conversations(state);
  std::array<source::PacketRef, burst_size> burst;
  parsers::packet::Decoded decoded;
  for (auto _ : state) {
    traffic.generate(burst);
    for (const auto& packet : burst) {
      benchmark::DoNotOptimize(parsers::packet::decode({packet.bytes(), packet.wire_length, packet.link}, decoded));
      benchmark::DoNotOptimize(decoded);
    }
  }
  report(state);
}

// The least that a tracker can do, and so what the worker is compared with: source, decoding, and a table with the two
// prefetches whose record notes the packet's time. The packet after a
// conversation's second FIN takes it out; there is no TCP state, no
// timer, nobody to tell.
void floor_with_table(benchmark::State& state) {
  auto traffic = conversations(state);
  auto table = conn::ConnectionTable::create({.capacity = static_cast<std::uint32_t>(state.range(0)) * 4, .seed = 1});
  if (!table) throw std::runtime_error(table.error().message);
  source::MemorySource holder([](std::span<source::PacketRef>) { return std::size_t{0}; });
  worker::Intake intake({}, holder);
  std::array<source::PacketRef, burst_size> burst;
  std::array<conn::Key, burst_size> keys;
  std::array<conn::ConnectionTable::Hash, burst_size> hashes{};
  const auto step = [&] {
    traffic.generate(burst);
    const auto arrivals = intake.take(burst);
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
      conn::write_key(arrivals[i].decoded, conn::source_is_low(arrivals[i].decoded), keys[i]);
      hashes[i] = table->hash(keys[i]);
      table->prefetch_bucket(hashes[i]);
    }
    for (std::size_t i = 0; i < arrivals.size(); ++i) table->prefetch_hot_line(hashes[i]);
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
      conn::Record* record = table->find(keys[i], hashes[i]);
      if (record == nullptr) record = table->insert(keys[i], hashes[i]);
      record->last_seen = static_cast<conn::Tick>(arrivals[i].packet.ts.nanoseconds >> 20);
      constexpr std::uint8_t closing = 1;
      if (record->needs == closing) {
        table->erase(*record, hashes[i]);
      } else if ((arrivals[i].decoded.flags & tcp_flag::fin) != 0 && arrivals[i].decoded.src_port == 443) {
        record->needs = closing;
      }
    }
  };
  for (std::int64_t packets = 0; packets < state.range(0) * 30; packets += burst_size) step();
  for (auto _ : state) step();
  report(state);
  state.counters["live"] = table->size();
}

void report_memory(benchmark::State& state, const conn::Tracker& tracker) {
  const conn::TrackerMemory memory = tracker.memory();
  const double live = std::max(1.0, static_cast<double>(tracker.live()));
  state.counters["live"] = live;
  state.counters["idle_bytes"] = static_cast<double>(memory.table.used) / live;
  state.counters["active_bytes"] =
      static_cast<double>(memory.cold.used + memory.arenas.used + memory.blocks.used) / live;
}

// No subscription when `source` is nullptr.
void worker(benchmark::State& state, const char* source) {
  auto traffic = conversations(state);
  source::MemorySource holder([](std::span<source::PacketRef>) { return std::size_t{0}; });
  support::Rig rig(holder, {.capacity = static_cast<std::uint32_t>(state.range(0)) * 4}, control::Straighten::at_once);
  if (source != nullptr) {
    const auto added = rig.registry().add("bench", {"bench.cpp", source});
    if (!added) throw std::runtime_error(added.error().message);
  }
  const support::Rig::Turn turn(rig);
  conn::Tracker& tracker = rig.tracker();
  std::array<source::PacketRef, burst_size> burst;
  const auto step = [&] {
    traffic.generate(burst);
    tracker.process(rig.intake().take(burst));
    tracker.expire(burst.back().ts, 128);
    tracker.sweep(64, burst.back().ts);
  };
  // Into the steady state: connections in all phases, tombstones included.
  for (std::int64_t packets = 0; packets < state.range(0) * 30; packets += burst_size) step();
  for (auto _ : state) step();
  report(state);
  report_memory(state, tracker);
}

void no_subscription(benchmark::State& state) { worker(state, nullptr); }
void tracked_only(benchmark::State& state) { worker(state, elsewhere); }
void connection_counter(benchmark::State& state) { worker(state, counter); }
void tls_sni_filter(benchmark::State& state) { worker(state, sni); }

constexpr const char* packets = R"(
#include <iris/iris.hpp>
struct Row { std::uint64_t bytes; };
IRIS_CALLBACK("") IRIS_ON(Packet) void rare(const iris::Frame& frame) { iris::emit(Row{frame.wire_length}); }
)";

void packet_filters(benchmark::State& state) {
  auto traffic = conversations(state);
  source::MemorySource holder([](std::span<source::PacketRef>) { return std::size_t{0}; });
  const bool straight = state.range(2) != 0;
  support::Rig rig(holder, {.capacity = static_cast<std::uint32_t>(state.range(0)) * 4},
                   straight ? control::Straighten::at_once : control::Straighten::never);
  std::vector<control::Narrowed> filters;
  for (std::int64_t i = 0; i < state.range(1); ++i) {
    const std::string number = std::to_string(i);
    std::string filter = "tcp.port = 1";
    filter.append(number).append(" and ipv4.addr in 172.16.").append(number).append(".0/24");
    filters.push_back({"f" + number, filter, {}});
  }
  const jit::Source source{.name = "bench.cpp", .text = packets, .stateless = true};
  if (auto added = rig.registry().add_batch(source, filters); !added) throw std::runtime_error(added.error().message);
  const support::Rig::Turn turn(rig);
  conn::PacketEvents& events = rig.tracker().packet_events();
  std::array<source::PacketRef, burst_size> burst;
  for (auto _ : state) {
    traffic.generate(burst);
    benchmark::DoNotOptimize(rig.intake().take(burst, events.wanted()));
    for (const worker::Layer& layer : rig.intake().layers()) events.take(layer.arrival, layer.status);
  }
  report(state);
}

// Of microseconds.
double percentile(std::vector<double>& values, double share) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, at);
  return *at;
}

void bursts_while_expiring(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  constexpr std::uint64_t to_expire = 1'000'000;
  source::MemorySource holder([](std::span<source::PacketRef>) { return std::size_t{0}; });
  for (auto _ : state) {
    support::Rig rig(holder, {.capacity = 1U << 21}, control::Straighten::at_once);
    if (!rig.registry().add("bench", {"bench.cpp", elsewhere})) throw std::runtime_error("it does not compile");
    const support::Rig::Turn turn(rig);
    conn::Tracker& tracker = rig.tracker();
    std::array<source::PacketRef, burst_size> burst;
    const auto step = [&](support::Conversations& traffic) {
      traffic.generate(burst);
      const auto begin = Clock::now();
      tracker.process(rig.intake().take(burst));
      tracker.expire(burst.back().ts, 128);
      tracker.sweep(64, burst.back().ts);
      return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
    };
    // Connections that begin within a second, and then fall silent.
    support::Conversations silent({.conversations = 2'000'000, .packets = 20, .seed = 2});
    while (tracker.live() < to_expire) step(silent);
    support::Conversations traffic({.conversations = 10'000, .packets = 20, .start = burst.back().ts});
    std::vector<double> quiet;
    std::vector<double> expiring;
    const std::uint64_t ended = tracker.counters().ended;
    const std::uint64_t finished = traffic.finished();
    const auto expired = [&] { return tracker.counters().ended - ended - (traffic.finished() - finished); };
    while (expired() < to_expire / 100) quiet.push_back(step(traffic));
    while (tracker.live() > 200'000) expiring.push_back(step(traffic));
    state.counters["quiet_median"] = percentile(quiet, 0.5);
    state.counters["quiet_p99"] = percentile(quiet, 0.99);
    state.counters["median"] = percentile(expiring, 0.5);
    state.counters["p99"] = percentile(expiring, 0.99);
    state.counters["max"] = percentile(expiring, 1);
    state.counters["bursts"] = static_cast<double>(expiring.size());
  }
}

void sizes(benchmark::internal::Benchmark* bench) { bench->Arg(100'000)->Arg(1'000'000); }
// It takes a minute to have so many: once is enough.
void most(benchmark::internal::Benchmark* bench) { bench->Arg(10'000'000)->Iterations(500'000); }

BENCHMARK(source_alone)->Apply(sizes);
BENCHMARK(source_alone)->Apply(most);
BENCHMARK(source_and_decode)->Apply(sizes);
BENCHMARK(source_and_decode)->Apply(most);
BENCHMARK(floor_with_table)->Apply(sizes);
BENCHMARK(floor_with_table)->Apply(most);
BENCHMARK(no_subscription)->Apply(sizes);
BENCHMARK(tracked_only)->Apply(sizes);
BENCHMARK(tracked_only)->Apply(most);
BENCHMARK(connection_counter)->Apply(sizes);
BENCHMARK(tls_sni_filter)->Apply(sizes);
BENCHMARK(packet_filters)->ArgsProduct({{10'000}, {1, 10}, {0, 1}});
BENCHMARK(bursts_while_expiring)->Iterations(1);

}  // namespace
}  // namespace iris

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::warn);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
