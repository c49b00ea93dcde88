// What the merged plan takes of each event, by itself: finding what is true, and progress. No packets, no parsers:
// facts of connections lie ready, as in the prototype whose figures it is held against.
//
//   build/bin/bench_events [what a kind's name begins with]
//
// Half of the connections speak TLS, a tenth HTTP with three transactions, the rest nothing that is asked for.
// `ns/event` is over all events and packets (20 of a TCP connection), as the prototype counted; `ns/conn` over a
// connection's life, by look-ups. `straight` is what straight-line code takes of it, which is made behind a change
// where filters are few. `linear` is the least that any code could take that asks one filter after the other: C++ that
// knows nothing but these filters, without births, reports, counts, or any state of a connection but a bit a filter.
// `code B` and `code ms` are the look-ups' code's size, and what compiling all of it took; then the straight-line
// code's.
#include <fmt/format.h>
#include <time.h>

#include <iris/conn_record.hpp>
#include <iris/protocols/http.hpp>
#include <iris/protocols/tls.hpp>

#include <algorithm>
#include <bit>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "daemon/conn/evaluator.hpp"
#include "daemon/conn/progress.hpp"
#include "jit/codegen/dispatch.hpp"
#include "jit/codegen/straight.hpp"
#include "jit/engine/engine.hpp"
#include "jit/plan/planner.hpp"
#include "parsers/bytes.hpp"

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

std::string subnet(std::uint32_t pick) {
  const IpAddress address = server(pick);
  return fmt::format("{}.{}.{}.0/24", address.bytes[12], address.bytes[13], address.bytes[14]);
}

// ---- as straight-line code -----------------------------------------------------------------------------------------

// What one filter compares with.
struct Constants {
  std::string name;
  std::string domain;
  std::string part;
  std::uint32_t subnet = 0;
  std::uint16_t port = 0;
};

Constants constants_of(std::uint32_t i, std::uint32_t pick) {
  const IpAddress address = server(pick);
  Constants constants;
  constants.name = host(pick);
  constants.domain = domain(pick);
  constants.part = fmt::format("xample{}.", i * 7);
  constants.subnet = parsers::load32(&address.bytes[12]) >> 8U;
  constants.port = static_cast<std::uint16_t>(65'534 - i);
  return constants;
}

bool lies_in(const IpAddress& address, std::uint32_t subnet) {
  return address.is_v4() && parsers::load32(&address.bytes[12]) >> 8U == subnet;
}
bool has_end_in(const Conn& conn, std::uint32_t subnet) {
  return lies_in(conn.record.tuple.originator.ip, subnet) || lies_in(conn.record.tuple.responder.ip, subnet);
}
bool is_tcp(const Conn& conn) { return conn.record.tuple.transport == Transport::Tcp; }
bool has_port(const Conn& conn, std::uint16_t most) {
  return conn.record.tuple.originator.port <= most || conn.record.tuple.responder.port <= most;
}
bool is_under(std::string_view name, std::string_view domain) {
  return name.ends_with(domain) && (name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.');
}

enum class Of : std::uint8_t { connections, tls, http };

// Returns how many matched. `tuple` and `session` say whether a filter holds of these.
template <Of of, class Tuple, class Session>
std::uint64_t linear(const std::vector<Conn>& all, const std::vector<Constants>& filters, const Tuple& tuple,
                     const Session& session) {
  static const std::uint32_t protocol = of == Of::tls ? number_of("tls") : of == Of::http ? number_of("http") : 0;
  std::uint64_t matched = 0;
  for (const Conn& conn : all) {
    std::uint64_t standing = 0;
    std::uint64_t bit = 1;
    for (const Constants& filter : filters) {
      if (tuple(conn, filter)) standing |= bit;
      bit <<= 1U;
    }
    if constexpr (of == Of::connections) {
      matched += static_cast<std::uint64_t>(std::popcount(standing));
    } else {
      if (standing == 0 || conn.protocol != protocol) continue;
      const auto ask = [&](std::string_view text) {
        for (std::uint64_t left = standing; left != 0; left &= left - 1) {
          matched += session(text, filters[static_cast<std::size_t>(std::countr_zero(left))]) ? 1 : 0;
        }
      };
      if constexpr (of == Of::tls) {
        ask(conn.tls.layout.sni);
      } else {
        for (const HttpTransaction& each : conn.http) ask(each.layout.host);
      }
    }
  }
  return matched;
}

using Linear = std::function<std::uint64_t(const std::vector<Conn>&, const std::vector<Constants>&)>;

template <Of of, class Tuple, class Session>
Linear straight(Tuple tuple, Session session) {
  return [=](const auto& all, const auto& filters) { return linear<of>(all, filters, tuple, session); };
}

struct Kind {
  const char* name;
  double prototype;  // its ns/event at 10,000
  std::function<std::string(std::uint32_t i, std::uint32_t pick)> filter;
  Linear linear;
};

const auto tcp_only = [](const Conn& conn, const Constants&) { return is_tcp(conn); };
const auto is_name = [](std::string_view text, const Constants& filter) { return text == filter.name; };

const std::vector<Kind> kinds{
    {"http.host =", 9, [](auto, auto pick) { return "http.host = '" + host(pick) + "'"; },
     straight<Of::http>(tcp_only, is_name)},
    {"tls.sni under", 17, [](auto, auto pick) { return "tls.sni under '" + domain(pick) + "'"; },
     straight<Of::tls>(tcp_only, [](auto text, const auto& filter) { return is_under(text, filter.domain); })},
    {"ipv4.addr in", 10, [](auto, auto pick) { return "ipv4.addr in " + subnet(pick); },
     straight<Of::connections>([](const auto& conn, const auto& filter) { return has_end_in(conn, filter.subnet); },
                               is_name)},
    {"port, tls, sni", 12, [](auto, auto pick) { return "tcp.port = 443 and tls and tls.sni = '" + host(pick) + "'"; },
     straight<Of::tls>(
         [](const auto& conn, const auto&) {
           const FiveTuple& tuple = conn.record.tuple;
           return is_tcp(conn) && (tuple.originator.port == 443 || tuple.responder.port == 443);
         },
         is_name)},
    {"contains", 13, [](auto i, auto) { return fmt::format("http.host contains 'xample{}.'", i * 7); },
     straight<Of::http>(tcp_only, [](auto text, const auto& filter) { return text.contains(filter.part); })},
    {"range, sni", 32,
     [](auto i, auto pick) { return fmt::format("tcp.port in 0..{} and tls.sni = '{}'", 65'534 - i, host(pick)); },
     straight<Of::tls>([](const auto& conn, const auto& f) { return is_tcp(conn) && has_port(conn, f.port); },
                       is_name)},
    {"not subnet, sni", 39,
     [](auto, auto pick) { return "not ipv4.addr in " + subnet(pick) + " and tls.sni = '" + host(pick) + "'"; },
     straight<Of::tls>([](const auto& conn, const auto& f) { return is_tcp(conn) && !has_end_in(conn, f.subnet); },
                       is_name)},
};

constexpr std::uint32_t most_linear = 10;
std::uint32_t pick_of(std::uint32_t i, std::uint32_t count) {
  return static_cast<std::uint32_t>(std::uint64_t{i} * names / count);
}

class Bench {
 public:
  Bench(const Kind& kind, std::uint32_t count, engine::Engine& engine) : compiler_(engine), straightener_(engine) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string text = kind.filter(i, pick_of(i, count));
      plan::Request request;
      request.birth = 1;
      const auto parsed = filter::parse(text);
      if (!parsed) throw std::runtime_error(filter::render(text, parsed.error()));
      request.filter = *parsed;
      (void)value_of(planner_.add(request));
    }
    merged_.plan = value_of(planner_.snapshot(1));
    std::vector<codegen::FamilyShape> shapes;
    for (const plan::Family& family : merged_.plan->families) {
      shapes.push_back({family.field, family.op});
      merged_.families.push_back({family.index == nullptr ? nullptr : family.index->table()});
    }
    compiled_ms_ = ms_of([&] { merged_.dispatch = value_of(compiler_.compile(shapes)); });
    use();
  }

  // From now on by straight-line code. Returns what making it took.
  double straighten() {
    const double ms = ms_of([&] { merged_.straight = value_of(straightener_.compile(*merged_.plan)); });
    use();
    return ms;
  }
  [[nodiscard]] bool can_straighten() const { return codegen::is_small(*merged_.plan); }

  // Returns how many events there were.
  std::uint64_t run(std::vector<Conn>& all) {
    std::uint64_t events = 0;
    for (Conn& conn : all) {
      std::vector<plan::NodeId>& frontier = frontier_;
      const auto standing = [&] { return conn::Standing{frontier, &conn.record, 1}; };
      const auto keep = [&] { frontier.assign(progress_.frontier().begin(), progress_.frontier().end()); };
      frontier.clear();
      progress_.on_tuple(evaluator_.of_tuple({.subject = &conn.record}), standing());
      matched_ += progress_.matches().size();
      keep();
      events += conn.record.tuple.transport == Transport::Tcp ? 2 + packets_a_connection : 4;
      if (frontier.empty()) continue;
      const abi::Facts identified{.subject = &conn.record, .protocol = conn.protocol};
      progress_.on_protocol(evaluator_.of_protocol(identified), conn.protocol, standing());
      matched_ += progress_.matches().size();
      keep();
      const auto session = [&](const void* each) {
        const abi::Facts facts{.subject = &conn.record, .session = each, .protocol = conn.protocol};
        progress_.on_session(evaluator_.of_session(facts), conn.protocol, standing());
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
  [[nodiscard]] double compiled_ms() const { return compiled_ms_; }
  // Of all of the dispatch.
  [[nodiscard]] std::size_t code_bytes() const {
    std::size_t sum = 0;
    for (const auto& unit : merged_.dispatch->code) sum += unit->bytes();
    return sum;
  }
  [[nodiscard]] std::size_t straight_bytes() const { return merged_.straight->code->bytes(); }

 private:
  template <class Run>
  static double ms_of(Run run) {
    const double begin = cpu_ns();
    run();
    return (cpu_ns() - begin) / 1e6;
  }
  void use() {
    progress_.use(*merged_.plan, merged_.straight.get());
    evaluator_.use(merged_);
  }

  plan::Planner planner_{1};
  codegen::DispatchCompiler compiler_;
  codegen::StraightCompiler straightener_;
  conn::Merged merged_;
  std::vector<plan::NodeId> frontier_;
  conn::Meter meter_;  // samples nothing here, but is asked whether it does
  conn::Progress progress_{&meter_};
  conn::Evaluator evaluator_{0, meter_, progress_.tally()};
  std::uint64_t matched_ = 0;
  double compiled_ms_ = 0;
};

// What one run takes.
template <class Run>
double median_of(Run run) {
  std::vector<double> spent;
  for (int i = 0; i < rounds; ++i) {
    const double begin = cpu_ns();
    run();
    spent.push_back(cpu_ns() - begin);
  }
  std::ranges::nth_element(spent, spent.begin() + rounds / 2);
  return spent[rounds / 2];
}

void measure(const Kind& kind, engine::Engine& engine, Traffic& traffic) {
  for (const std::uint32_t count : {1U, 10U, 100U, 1'000U, 10'000U}) {
    Bench bench(kind, count, engine);
    std::uint64_t events = bench.run(traffic.all());
    const double ns = median_of([&] { events = bench.run(traffic.all()); });
    const std::uint64_t matched = bench.matched() / (rounds + 1);
    const auto agree = [&](std::uint64_t also) {
      if (also != matched) throw std::runtime_error(fmt::format("{}: {}, but {}", kind.name, matched, also));
    };
    const std::string before = count == 10'000 ? fmt::format("{:.0f}", kind.prototype) : "";
    std::string straight;
    std::string made;
    if (bench.can_straighten()) {
      const double ms = bench.straighten();
      made = fmt::format("{:8} {:8.1f}", bench.straight_bytes(), ms);
      const std::uint64_t until = bench.matched();
      straight = fmt::format("{:.1f}", median_of([&] { (void)bench.run(traffic.all()); }) / connections);
      agree((bench.matched() - until) / rounds);
    }
    std::string linear;
    if (count <= most_linear) {
      std::vector<Constants> filters;
      filters.reserve(count);
      for (std::uint32_t i = 0; i < count; ++i) filters.push_back(constants_of(i, pick_of(i, count)));
      std::uint64_t also = 0;
      linear = fmt::format("{:.1f}", median_of([&] { also = kind.linear(traffic.all(), filters); }) / connections);
      agree(also);
    }
    fmt::print("{:16} {:7} {:9.1f} {:>10} {:9.1f} {:>9} {:>9} {:8} {:8} {:8.1f} {}\n", kind.name, count,
               ns / static_cast<double>(events), before, ns / connections, straight, linear, matched,
               bench.code_bytes(), bench.compiled_ms(), made);
  }
}

}  // namespace
}  // namespace iris

int main(int argc, char** argv) {
  const auto engine = iris::value_of(iris::engine::Engine::create());
  iris::Traffic traffic;
  fmt::print("{:16} {:>7} {:>9} {:>10} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8}\n", "filters", "subs",
             "ns/event", "prototype", "ns/conn", "straight", "linear", "matches", "code B", "code ms", "code B",
             "code ms");
  for (const auto& kind : iris::kinds) {
    if (argc < 2 || std::string_view(kind.name).starts_with(argv[1])) iris::measure(kind, *engine, traffic);
  }
  return 0;
}
