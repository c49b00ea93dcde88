// What parsing a session costs: each parser alone, on the project's own recordings, with nothing around it.
//
//   build/bin/bench_parsers [--benchmark_filter=…]        from the project's root, or with IRIS_DATA=tests/data
//
// A table, one row a protocol and recording (with --benchmark_format, what Google Benchmark prints):
//   ns/session      CPU time of creating the parser, feeding every segment, taking every report and finishing
//   copied/session  bytes that the parser took of its connection's arena beside its own state: everything that it
//   copies
//                   goes there, and so do the sessions themselves; growing buffers are counted each time
//   wire/session    bytes of payload, both directions
//   state           bytes of the parser itself, a connection
//   ns/probe        CPU time until a connection's protocol is decided, all probes taking part as they do at the tap
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/conn/layer7.hpp"
#include "daemon/source/capture.hpp"
#include "parsers/api.hpp"
#include "parsers/packet/decode.hpp"

namespace iris {
namespace {

using parsers::Status;

struct Piece {
  Direction direction;
  Timestamp ts;
  std::vector<std::uint8_t> bytes;
};

struct Connection {
  FiveTuple tuple;
  std::vector<Piece> pieces;
  std::array<std::uint32_t, 2> next_sequence{};
  std::array<bool, 2> synced{};
};

// Hands out one block again and again, and counts. Zeroes nothing, as the worker's arenas do not.
class CountingArena final : public parsers::Arena {
 public:
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept override {
    const std::size_t begin = (used_ + alignment - 1) / alignment * alignment;
    if (begin + size > room) return nullptr;
    used_ = begin + size;
    taken_ += size;
    return memory_.get() + begin;
  }
  void reset() { used_ = 0; }
  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  static constexpr std::size_t room = std::size_t{256} << 10U;
  std::unique_ptr<std::byte[]> memory_ = std::make_unique<std::byte[]>(room);
  std::size_t used_ = 0;
  std::size_t taken_ = 0;
};

// The connections of a recording, each direction's bytes in order and once. Recordings of a veth lose and reorder
// nothing: what does not continue its direction is a retransmission.
std::vector<Connection> connections_of(const std::filesystem::path& file) {
  auto capture = source::CaptureSource::open({file});
  if (!capture) throw std::runtime_error(capture.error().message);
  source::CaptureSource& source = **capture;
  using End = std::pair<std::array<std::uint8_t, 16>, std::uint16_t>;
  std::map<std::tuple<Transport, End, End>, std::size_t> numbers;
  std::vector<Connection> connections;
  std::array<source::PacketRef, 32> burst;
  while (!source.exhausted()) {
    const std::size_t count = source.receive(burst);
    for (const source::PacketRef& packet : std::span(burst).first(count)) {
      parsers::packet::Decoded decoded;
      const auto status = parsers::packet::decode({packet.bytes(), packet.wire_length, packet.link}, decoded);
      const bool known = decoded.transport == Transport::Tcp || decoded.transport == Transport::Udp;
      if (status != parsers::packet::DecodeStatus::ok || !known) continue;
      const End from{decoded.src_ip, decoded.src_port};
      const End to{decoded.dst_ip, decoded.dst_port};
      const auto reverse = numbers.find({decoded.transport, to, from});
      const bool forward = reverse == numbers.end();
      const auto number =
          forward ? numbers.try_emplace({decoded.transport, from, to}, connections.size()).first : reverse;
      if (number->second == connections.size()) {
        Connection& made = connections.emplace_back();
        made.tuple.originator = {IpAddress{decoded.src_ip, decoded.version}, decoded.src_port};
        made.tuple.responder = {IpAddress{decoded.dst_ip, decoded.version}, decoded.dst_port};
        made.tuple.transport = decoded.transport;
      }
      Connection& connection = connections[number->second];
      const std::size_t side = forward ? 0 : 1;
      if (decoded.transport == Transport::Tcp) {
        const bool syn = (decoded.flags & tcp_flag::syn) != 0;
        const bool continues = connection.synced[side] && decoded.sequence == connection.next_sequence[side];
        if (!syn && !continues) continue;
        connection.synced[side] = true;
        connection.next_sequence[side] = decoded.sequence + decoded.payload_length + (syn ? 1 : 0);
      }
      if (decoded.payload_length == 0) continue;
      const auto payload = decoded.payload(packet.bytes());
      connection.pieces.push_back({forward ? Direction::FromOriginator : Direction::FromResponder,
                                   packet.ts,
                                   {payload.begin(), payload.end()}});
    }
    source.release(std::span(burst).first(count));
  }
  return connections;
}

// Which protocol it is, 0: none; the arena has what was kept for finding out.
std::uint32_t recognise(const Connection& connection, CountingArena& arena) {
  conn::Layer7 layer(conn::protocols_over(connection.tuple.transport), connection.tuple);
  for (const Piece& piece : connection.pieces) {
    if (layer.feed({piece.bytes, piece.ts, piece.direction}, arena)) return layer.protocol();
  }
  return 0;
}

// Returns how many sessions there were.
std::uint32_t parse(const Connection& connection, parsers::Parser& parser) {
  std::uint32_t sessions = 0;
  bool over = false;
  const auto take = [&](Status status) {
    for (;; status = parser.next()) {
      if (status == Status::session_end) {
        ++sessions;
        parser.release(parser.session());
      } else if (status != Status::session && status != Status::session_data) {
        break;
      }
    }
    over = status != Status::more;
    return status;
  };
  for (const Piece& piece : connection.pieces) {
    if (take(parser.parse({piece.bytes, piece.ts, piece.direction})) == Status::gave_up) take(parser.finish());
    if (over) return sessions;
  }
  take(parser.finish());
  return sessions;
}

void sessions(benchmark::State& state, std::uint32_t protocol, const std::vector<Connection>& connections) {
  const parsers::Protocol& which = parsers::registry()[protocol];
  CountingArena arena;
  std::uint64_t found = 0;
  std::uint64_t copied = 0;
  std::uint64_t states = 0;
  std::uint64_t parsed = 0;
  for (auto _ : state) {
    for (const Connection& connection : connections) {
      arena.reset();
      const std::size_t before = arena.taken();
      parsers::Parser* parser = which.create(arena, connection.tuple);
      const std::size_t created = arena.taken();
      found += parse(connection, *parser);
      states += created - before;
      copied += arena.taken() - created;
      ++parsed;
    }
  }
  double wire = 0;
  for (const Connection& connection : connections) {
    for (const Piece& piece : connection.pieces) wire += static_cast<double>(piece.bytes.size());
  }
  const auto all = static_cast<double>(found);
  state.counters["sessions"] = all / static_cast<double>(state.iterations());
  state.counters["per_session"] = benchmark::Counter(all, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["wire_bytes"] = wire * static_cast<double>(state.iterations()) / all;
  state.counters["copied_bytes"] = static_cast<double>(copied) / all;
  state.counters["state_bytes"] = static_cast<double>(states) / static_cast<double>(parsed);
}

void probing(benchmark::State& state, const std::vector<Connection>& connections) {
  CountingArena arena;
  for (auto _ : state) {
    for (const Connection& connection : connections) {
      arena.reset();
      benchmark::DoNotOptimize(recognise(connection, arena));
    }
  }
  const auto all = static_cast<double>(connections.size()) * static_cast<double>(state.iterations());
  state.counters["per_connection"] = benchmark::Counter(all, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// The recording's connections, by protocol.
void add(const std::filesystem::path& file) {
  std::map<std::uint32_t, std::vector<Connection>> found;
  CountingArena arena;
  for (Connection& connection : connections_of(file)) {
    arena.reset();
    found[recognise(connection, arena)].push_back(std::move(connection));
  }
  for (auto& each : found) {
    const std::uint32_t protocol = each.first;
    const parsers::Protocol& which = parsers::registry()[protocol];
    if (protocol == 0 || !which.has_sessions()) continue;
    const std::string name = std::string(which.name) + "/" + file.stem().string();
    const auto connections = std::make_shared<std::vector<Connection>>(std::move(each.second));
    benchmark::RegisterBenchmark(
        name.c_str(), [protocol, connections](benchmark::State& state) { sessions(state, protocol, *connections); });
    benchmark::RegisterBenchmark(("probe/" + name).c_str(),
                                 [connections](benchmark::State& state) { probing(state, *connections); });
  }
}

// Prints rows as they are measured.
class Table final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override {
    std::printf("%-20s %9s %11s %15s %13s %6s %9s\n", "", "sessions", "ns/session", "copied/session", "wire/session",
                "state", "ns/probe");
    return true;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const std::string name = run.benchmark_name();
      const auto value = [&](const char* counter) {
        const auto found = run.counters.find(counter);
        return found == run.counters.end() ? 0.0 : found->second.value;
      };
      constexpr double nanoseconds = 1e9;
      if (!name.starts_with("probe/")) {
        end_row();
        in_row_ = true;
        std::printf("%-20s %9.0f %11.0f %15.0f %13.0f %6.0f", name.c_str(), value("sessions"),
                    value("per_session") * nanoseconds, value("copied_bytes"), value("wire_bytes"),
                    value("state_bytes"));
      } else {
        if (!in_row_) std::printf("%-79s", name.c_str());  // the other was filtered out
        std::printf(" %9.0f", value("per_connection") * nanoseconds);
        in_row_ = true;
        end_row();
      }
      std::fflush(stdout);
    }
  }
  void Finalize() override { end_row(); }

 private:
  void end_row() {
    if (std::exchange(in_row_, false)) std::printf("\n");
  }

  bool in_row_ = false;
};

}  // namespace
}  // namespace iris

int main(int argc, char** argv) {
  const bool plain = std::any_of(argv, argv + argc, [](const char* argument) {
    return std::string_view(argument).starts_with("--benchmark_format");
  });
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const char* set = std::getenv("IRIS_DATA");
  const std::filesystem::path data = set != nullptr ? set : "tests/data";
  try {
    for (const char* name : {"tls12", "tls13", "tls-small-mtu", "http", "http2", "dns", "quic", "ssh", "mqtt"}) {
      iris::add(data / (std::string(name) + ".pcap"));
    }
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "bench_parsers: %s (run it from the project's root, or set IRIS_DATA)\n", failure.what());
    return 1;
  }
  iris::Table table;
  plain ? benchmark::RunSpecifiedBenchmarks() : benchmark::RunSpecifiedBenchmarks(&table);
}
