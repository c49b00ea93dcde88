// What many filters cost beside one: the worker's whole path on traffic of which an equal share is wanted by somebody,
// whatever the number of subscriptions; the plan alone, for each event; and what one more subscription takes when there
// are ten thousand.
//
//   build/bin/bench_plan [kind]…     kinds: host suffix subnet regex mixed overlap
//
// `overlap` is about three subscriptions of which each asks for what the one before does and more: together they should
// cost what the most expensive one does.
//
// Times are CPU time of the thread, medians of rounds in which all numbers of subscriptions take turns.
#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/conversations.hpp"
#include "tests/support/rig.hpp"

namespace iris {
namespace {

constexpr std::size_t burst_size = 32;
constexpr std::uint32_t connections = 100'000;
constexpr std::array<std::uint32_t, 5> sizes{1, 10, 100, 1'000, 10'000};
constexpr int rounds = 15;
constexpr std::uint64_t packets_a_round = 200'000;

// Runs once for a connection whose filter is true.
constexpr const char* source = R"(
#include <iris/iris.hpp>
IRIS_CALLBACK("tcp") void seen(const iris::FiveTuple&) {}
)";

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

std::string name(std::uint32_t k) { return fmt::format("w{:07}.test", k); }

struct Kind {
  const char* name;
  std::function<std::string(std::uint32_t k)> filter;  // true of connections that ask for wanted name k
};

std::string host(std::uint32_t k) { return "http.host = 'www." + name(k) + "'"; }
std::string suffix(std::uint32_t k) { return "tls.sni ends_with '." + name(k) + "'"; }
std::string subnet(std::uint32_t k) { return fmt::format("ipv4.addr in 11.{}.{}.0/24", k >> 8U, k & 0xffU); }
std::string regex(std::uint32_t k) { return fmt::format("tls.sni matches '^www\\\\.w{:07}\\\\.'", k); }
std::string mixed(std::uint32_t k) {
  switch (k % 4) {
    case 0:
      return host(k);
    case 1:
      return suffix(k);
    case 2:
      return subnet(k);
    default:
      return fmt::format("tls and tcp.port = 443 and tls.sni = 'www.{}'", name(k));
  }
}

// One filter of all kinds: so that one asks for as much as thousands of each kind do.
std::string whole(std::uint32_t k) {
  return fmt::format("{} or {} or {} or (tls and tcp.port = 443 and tls.sni = 'www.{}')", host(k), suffix(k), subnet(k),
                     name(k));
}

const std::vector<Kind> kinds{
    {"host", host}, {"suffix", suffix}, {"subnet", subnet}, {"regex", regex}, {"mixed", mixed}};

std::vector<control::Narrowed> batch_of(const Kind& kind, std::uint32_t first, std::uint32_t count) {
  std::vector<control::Narrowed> batch;
  batch.reserve(count);
  const bool alone = first == 0 && count == 1 && std::string_view(kind.name) == "mixed";
  for (std::uint32_t k = first; k < first + count; ++k) {
    batch.push_back({fmt::format("s{}", k), alone ? whole(k) : kind.filter(k), {}});
  }
  return batch;
}

// Everything around one number of subscriptions.
class Bench {
 public:
  Bench(const Kind& kind, std::uint32_t count)
      : kind_(kind), count_(count), traffic_({.conversations = connections, .packets = 20, .names = count}) {
    (void)add(batch_of(kind, 0, 1));  // compiles the source and the dispatch
    const std::size_t before = ::mallinfo2().uordblks;
    const auto begin = std::chrono::steady_clock::now();
    if (count > 1) (void)add(batch_of(kind, 1, count - 1));
    added_ms_ = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    const std::size_t after = ::mallinfo2().uordblks;
    if (count > 1) bytes_each_ = static_cast<double>(after - before) / (count - 1);
    warm_up();
  }

  void round() {
    const support::Rig::Turn turn(rig_);
    const double begin = cpu_ns();
    for (std::uint64_t packets = 0; packets < packets_a_round; packets += burst_size) step();
    per_packet_.push_back((cpu_ns() - begin) / packets_a_round);
  }

  // Another subscription, and then into the steady state again.
  void add_one(const std::string& name, const std::string& filter) {
    (void)add({{name, filter, {}}});
    warm_up();
  }

  [[nodiscard]] double per_packet() const { return median(per_packet_); }
  [[nodiscard]] double added_ms() const { return added_ms_; }
  [[nodiscard]] double bytes_each() const { return bytes_each_; }
  [[nodiscard]] std::uint32_t count() const { return count_; }

  [[nodiscard]] double evaluations_a_connection() {
    return static_cast<double>(evaluations() - evaluated_) / static_cast<double>(traffic_.begun() - begun_);
  }
  [[nodiscard]] std::uint64_t matched() {
    std::uint64_t sum = 0;
    for (const auto& info : rig_.registry().list()) sum += info.callbacks.front().matched;
    return sum;
  }
  // Of the worker's time, behind decoding, what look-ups and progress through the plan take: nothing that decides
  // faster could win more.
  [[nodiscard]] double deciding() {
    const conn::Meter& meter = rig_.tracker().meter();
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < conn::works; ++i) all += meter.cycles(static_cast<conn::Work>(i));
    const std::uint64_t part = meter.cycles(conn::Work::lookups) + meter.cycles(conn::Work::plan);
    return static_cast<double>(part) / static_cast<double>(all);
  }
  // Beside what the table takes.
  [[nodiscard]] double bytes_a_connection() {
    const conn::TrackerMemory memory = rig_.tracker().memory();
    return static_cast<double>(memory.cold.used + memory.arenas.used + memory.blocks.used) / rig_.tracker().live();
  }

  // One more, and away again: the median of what adding takes.
  [[nodiscard]] control::AddedBatch one_more(double& median_ms, double& removed_ms) {
    std::vector<double> added_ms;
    std::vector<double> gone_ms;
    control::AddedBatch last;
    for (std::uint32_t i = 0; i < 31; ++i) {
      const auto batch = batch_of(kind_, count_ + i, 1);
      last = add(batch);
      added_ms.push_back(last.total_ms);
      rig_.adopt();
      const auto begin = std::chrono::steady_clock::now();
      if (!rig_.registry().remove(batch.front().name)) std::abort();
      gone_ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
      rig_.adopt();
    }
    median_ms = median(added_ms);
    removed_ms = median(gone_ms);
    return last;
  }

 private:
  control::AddedBatch add(const std::vector<control::Narrowed>& batch) {
    auto added = rig_.registry().add_batch({.name = "bench.cpp", .text = source, .stateless = true}, batch);
    if (!added) throw std::runtime_error(added.error().message);
    rig_.adopt();
    return std::move(*added);
  }

  void warm_up() {
    const support::Rig::Turn turn(rig_);
    for (std::uint64_t packets = 0; packets < std::uint64_t{connections} * 30; packets += burst_size) step();
    begun_ = traffic_.begun();
    evaluated_ = evaluations();
  }

  [[nodiscard]] std::uint64_t evaluations() {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < plan::max_families; ++i) sum += rig_.tracker().tally().evaluations(i);
    return sum;
  }

  void step() {
    traffic_.generate(burst_);
    rig_.tracker().process(rig_.intake().take(burst_));
    rig_.tracker().expire(burst_.back().ts, 128);
    rig_.tracker().sweep(64, burst_.back().ts);
  }

  const Kind& kind_;
  std::uint32_t count_;
  source::MemorySource holder_{[](std::span<source::PacketRef>) { return std::size_t{0}; }};
  support::Rig rig_{holder_, {.capacity = connections * 4}};
  support::Conversations traffic_;
  std::array<source::PacketRef, burst_size> burst_;
  std::vector<double> per_packet_;
  std::uint64_t begun_ = 0;
  std::uint64_t evaluated_ = 0;
  double added_ms_ = 0;
  double bytes_each_ = 0;
};

void throughput(const Kind& kind) {
  std::vector<std::unique_ptr<Bench>> all;
  for (const std::uint32_t count : sizes) all.push_back(std::make_unique<Bench>(kind, count));
  for (int i = 0; i < rounds; ++i) {
    for (const auto& bench : all) bench->round();
  }
  const double one = all.front()->per_packet();
  for (const auto& bench : all) {
    double more_ms = 0;
    double removed_ms = 0;
    const double ns = bench->per_packet();
    const double asked = bench->evaluations_a_connection();
    const double deciding = bench->deciding();
    const double bytes = bench->bytes_a_connection();
    const std::uint64_t matched = bench->matched();
    (void)bench->one_more(more_ms, removed_ms);
    fmt::print("{:7} {:7} {:8.1f} {:8.2f} {:8.2f} {:6.1f} % {:9.0f} {:9} {:9.1f} {:8.2f} {:8.2f} {:8.0f}\n", kind.name,
               bench->count(), ns, one / ns, asked, 100 * deciding, bytes, matched, bench->added_ms(), more_ms,
               removed_ms, bench->bytes_each());
  }
  std::fflush(stdout);
}

void overlap() {
  const std::vector<std::string> filters{"tls", "tls and tls.sni contains 'test'",
                                         "tls and tls.sni contains 'test' and conn.bytes > 300"};
  const Kind none{"overlap", [](std::uint32_t) { return std::string("tcp.port = 9"); }};
  std::vector<std::unique_ptr<Bench>> all;
  for (std::size_t i = 0; i <= filters.size(); ++i) {
    all.push_back(std::make_unique<Bench>(none, 1));
    for (std::size_t f = 0; f < filters.size(); ++f) {
      if (i == f || i == filters.size()) all.back()->add_one("o" + std::to_string(f), filters[f]);
    }
  }
  for (int i = 0; i < rounds; ++i) {
    for (const auto& bench : all) bench->round();
  }
  double most = 0;
  for (std::size_t i = 0; i < filters.size(); ++i) {
    most = std::max(most, all[i]->per_packet());
    fmt::print("overlap {:60} {:8.1f} ns/pkt\n", filters[i], all[i]->per_packet());
  }
  const double together = all.back()->per_packet();
  fmt::print("overlap {:60} {:8.1f} ns/pkt, {:.2f} of the most expensive\n", "all three", together, together / most);
}

}  // namespace
}  // namespace iris

int main(int argc, char** argv) {
  spdlog::set_level(spdlog::level::warn);
  const std::vector<std::string> asked(argv + 1, argv + argc);
  fmt::print("{:7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8}\n", "kind", "subs", "ns/pkt",
             "of one", "asked", "decide", "bytes/co", "matched", "all ms", "one ms", "gone ms", "B/sub");
  for (const auto& kind : iris::kinds) {
    if (asked.empty() || std::ranges::find(asked, kind.name) != asked.end()) iris::throughput(kind);
  }
  if (asked.empty() || std::ranges::find(asked, "overlap") != asked.end()) iris::overlap();
  return 0;
}
