// What the merged plan takes of each event, by itself: finding what is true, and progress. No packets, no parsers:
// facts of connections lie ready, as in the prototype whose figures it is held against.
//
//   build/bin/bench_events
//
// Half of the connections speak TLS, a tenth HTTP with three transactions, the rest nothing that is asked for.
// `ns/event` is over all events and packets (20 of a TCP connection), as the prototype counted; `ns/conn` over a
// connection's life.
#include <fmt/format.h>
#include <time.h>

#include <iris/conn_record.hpp>
#include <iris/protocols/http.hpp>
#include <iris/protocols/tls.hpp>

#include <algorithm>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/conn/progress.hpp"
#include "jit/codegen/dispatch.hpp"
#include "jit/engine/engine.hpp"
#include "jit/plan/planner.hpp"

namespace iris {
namespace {

constexpr std::uint32_t names = 100'000;
constexpr std::size_t connections = 4'000;
constexpr int rounds = 31;
constexpr unsigned packets_a_connection = 20;

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::uint32_t number_of(std::string_view protocol) {
  return static_cast<std::uint32_t>(parsers::find_protocol(protocol) - parsers::registry().data());
}

std::string domain(std::uint32_t i) { return fmt::format("example{}.test", i / 10); }
std::string host(std::uint32_t i) { return fmt::format("www{}.{}", i, domain(i)); }
IpAddress server(std::uint32_t i) {
  const std::uint32_t mixed = i * 2654435761U;
  const auto byte = [mixed](unsigned shift) { return static_cast<std::uint8_t>(mixed >> shift); };
  return IpAddress::v4({byte(24), byte(16), byte(8), byte(0)});
}

struct Conn {
  ConnRecord record;
  std::uint32_t protocol = 0;
  TlsHandshake tls;
  std::vector<HttpTransaction> http;
};

class Traffic {
 public:
  Traffic() {
    texts_.reserve(names);
    for (std::uint32_t i = 0; i < names; ++i) texts_.push_back(host(i));
    std::mt19937 random(5);
    const auto below = [&random](std::uint32_t n) {
      return std::uniform_int_distribution<std::uint32_t>(0, n - 1)(random);
    };
    for (std::size_t i = 0; i < connections; ++i) {
      Conn& conn = all_.emplace_back();
      const std::uint32_t name = below(names);
      const std::uint32_t kind = below(10);
      conn.record.tuple.originator = {server(below(1U << 16U)), static_cast<std::uint16_t>(32'768 + below(28'000))};
      conn.record.tuple.responder = {server(name), 443};
      conn.record.tuple.transport = kind < 8 ? Transport::Tcp : Transport::Udp;
      if (kind < 5) {
        conn.protocol = number_of("tls");
        conn.tls.layout.sni = texts_[name];
      } else if (kind < 6) {
        conn.protocol = number_of("http");
        conn.record.tuple.responder.port = 80;
        for (int t = 0; t < 3; ++t) conn.http.emplace_back().layout.host = texts_[below(names)];
      }
    }
  }
  [[nodiscard]] std::vector<Conn>& all() { return all_; }

 private:
  std::vector<std::string> texts_;
  std::vector<Conn> all_;
};

struct Kind {
  const char* name;
  double prototype;  // its ns/event at 10,000
  std::function<std::string(std::uint32_t i, std::uint32_t pick)> filter;
};

std::string subnet(std::uint32_t pick) {
  const IpAddress address = server(pick);
  return fmt::format("{}.{}.{}.0/24", address.bytes[12], address.bytes[13], address.bytes[14]);
}

const std::vector<Kind> kinds{
    {"http.host =", 9, [](auto, auto pick) { return "http.host = '" + host(pick) + "'"; }},
    {"tls.sni under", 17, [](auto, auto pick) { return "tls.sni under '" + domain(pick) + "'"; }},
    {"ipv4.addr in", 10, [](auto, auto pick) { return "ipv4.addr in " + subnet(pick); }},
    {"port, tls, sni", 12, [](auto, auto pick) { return "tcp.port = 443 and tls and tls.sni = '" + host(pick) + "'"; }},
    {"contains", 13, [](auto i, auto) { return fmt::format("http.host contains 'xample{}.'", i * 7); }},
    {"range, sni", 32,
     [](auto i, auto pick) { return fmt::format("tcp.port in 0..{} and tls.sni = '{}'", 65'534 - i, host(pick)); }},
    {"not subnet, sni", 39,
     [](auto, auto pick) { return "not ipv4.addr in " + subnet(pick) + " and tls.sni = '" + host(pick) + "'"; }},
};

class Bench {
 public:
  Bench(const Kind& kind, std::uint32_t count, engine::Engine& engine) : compiler_(engine) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string text = kind.filter(i, static_cast<std::uint32_t>(std::uint64_t{i} * names / count));
      plan::Request request;
      request.birth = 1;
      const auto parsed = filter::parse(text);
      if (!parsed) throw std::runtime_error(filter::render(text, parsed.error()));
      request.filter = *parsed;
      (void)value_of(planner_.add(request));
    }
    plan_ = value_of(planner_.snapshot(1));
    std::vector<codegen::FamilyShape> shapes;
    for (const plan::Family& family : plan_->families) {
      shapes.push_back({family.field, family.op});
      families_.push_back({family.index == nullptr ? nullptr : family.index->table()});
    }
    dispatch_ = value_of(compiler_.compile(shapes));
    truths_.resize(plan_->predicates.size());
    progress_.use(*plan_);
  }

  // Returns how many events there were.
  std::uint64_t run(std::vector<Conn>& all) {
    std::uint64_t events = 0;
    for (Conn& conn : all) {
      std::vector<plan::NodeId>& frontier = frontier_;
      const auto standing = [&] { return conn::Standing{frontier, &conn.record, 1}; };
      const auto keep = [&] { frontier.assign(progress_.frontier().begin(), progress_.frontier().end()); };
      frontier.clear();
      progress_.on_tuple(evaluate(dispatch_->tuple, conn, nullptr), standing());
      matched_ += progress_.matches().size();
      keep();
      events += conn.record.tuple.transport == Transport::Tcp ? 2 + packets_a_connection : 4;
      if (frontier.empty()) continue;
      progress_.on_protocol(evaluate(dispatch_->protocol, conn, nullptr), conn.protocol, standing());
      matched_ += progress_.matches().size();
      keep();
      const auto session = [&](const void* each) {
        progress_.on_session(evaluate(dispatch_->session[conn.protocol], conn, each), conn.protocol, standing());
        matched_ += progress_.matches().size();
        ++events;
      };
      if (frontier.empty()) continue;
      if (conn.http.empty()) session(&conn.tls);
      for (const HttpTransaction& each : conn.http) session(&each);
    }
    return events;
  }
  [[nodiscard]] std::uint64_t matched() const { return matched_; }

 private:
  std::span<const plan::PredicateId> evaluate(abi::Evaluate function, const Conn& conn, const void* session) {
    if (function == nullptr) return {};
    const abi::Facts facts{.subject = &conn.record, .session = session, .protocol = conn.protocol};
    abi::Matches matches{truths_.data(), 0, static_cast<std::uint32_t>(truths_.size())};
    function(&facts, families_.data(), progress_.tally().evaluations(), &matches);
    return {truths_.data(), matches.count};
  }

  plan::Planner planner_{1};
  std::shared_ptr<const plan::Plan> plan_;
  codegen::DispatchCompiler compiler_;
  std::shared_ptr<const codegen::Dispatch> dispatch_;
  std::vector<abi::Family> families_;
  std::vector<plan::PredicateId> truths_;
  std::vector<plan::NodeId> frontier_;
  conn::Meter meter_;  // samples nothing here, but is asked whether it does
  conn::Progress progress_{&meter_};
  std::uint64_t matched_ = 0;
};

void measure(const Kind& kind, engine::Engine& engine, Traffic& traffic) {
  for (const std::uint32_t count : {1U, 10U, 100U, 1'000U, 10'000U}) {
    Bench bench(kind, count, engine);
    std::uint64_t events = bench.run(traffic.all());
    std::vector<double> spent;
    for (int i = 0; i < rounds; ++i) {
      const double begin = cpu_ns();
      events = bench.run(traffic.all());
      spent.push_back(cpu_ns() - begin);
    }
    std::ranges::nth_element(spent, spent.begin() + rounds / 2);
    const double ns = spent[rounds / 2];
    const std::string before = count == 10'000 ? fmt::format("{:.0f}", kind.prototype) : "";
    fmt::print("{:16} {:7} {:9.1f} {:9.1f} {:10} {:>10}\n", kind.name, count, ns / static_cast<double>(events),
               ns / connections, bench.matched() / (rounds + 1), before);
  }
}

}  // namespace
}  // namespace iris

int main() {
  const auto engine = iris::value_of(iris::engine::Engine::create());
  iris::Traffic traffic;
  fmt::print("{:16} {:>7} {:>9} {:>9} {:>10} {:>10}\n", "filters", "subs", "ns/event", "ns/conn", "matches",
             "prototype");
  for (const auto& kind : iris::kinds) iris::measure(kind, *engine, traffic);
  return 0;
}
