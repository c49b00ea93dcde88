// Straight-line code against look-ups and Progress: over random filters, connections and births, each step comes to the
// same, in the same order, with the same counts.
#include <gtest/gtest.h>

#include <iris/conn_record.hpp>

#include <iris/protocols/http.hpp>
#include <iris/protocols/tls.hpp>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "daemon/conn/evaluator.hpp"
#include "daemon/conn/progress.hpp"
#include "jit/codegen/dispatch.hpp"
#include "jit/codegen/straight.hpp"
#include "jit/plan/planner.hpp"
#include "parsers/packet/headers.hpp"

namespace iris::conn {
namespace {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t n) { return std::uniform_int_distribution<std::uint32_t>(0, n - 1)(engine_); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  template <class List>
  const auto& of(const List& list) {
    return list[below(static_cast<std::uint32_t>(std::size(list)))];
  }

 private:
  std::mt19937 engine_;
};

// Every kind of field, operator and operand that a predicate is compared or looked up by, at every level.
constexpr std::string_view atoms[] = {
    "tcp",
    "udp",
    "ipv6",
    "tcp.port = 443",
    "tcp.port in {80, 443, 8080}",
    "tcp.dst_port in {80, 443, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24}",
    "udp.port = 443",
    "port in 400..500",
    "tcp.src_port > 1000",
    "ipv4.addr in 10.0.0.0/8",
    "ipv4.src = 10.1.2.3",
    "ipv4.dst in {10.1.2.3, 192.168.0.0/16}",
    "ipv6.addr in 2001:db8::/32",
    "addr in {10.1.2.3, 2001:db8::1}",
    "ethernet.src = 02:00:00:00:00:01",
    "sample(50%)",
    "tls",
    "http",
    "service in {tls, dns}",
    "tls.sni",
    "tls.sni = 'www.example.org'",
    "tls.sni in {'a.test', 'www.example.org', ''}",
    "tls.sni = 'a-name-that-is-too-long-to-be-compared-in-a-few-words-so-that-a-function-is-called.example.org'",
    "tls.sni under 'a-name-that-is-too-long-to-be-compared-in-a-few-words-so-that-a-function-is-called.example.org'",
    "tls.sni starts_with 'www.'",
    "tls.sni ends_with '.org'",
    "tls.sni under 'example.org'",
    "tls.sni contains 'ample'",
    "tls.sni ~ '^w+[.]'",
    "len(tls.sni) > 6",
    "tls.version = 0x0304",
    "tls.version in 0x0301..0x0303",
    "tls.cipher_name = 'TLS_AES_128_GCM_SHA256'",
    "tls.psk_offered",
    "tls.client_alpn = 'h2'",
    "any(tls.client_alpn starts_with 'h')",
    "all(tls.client_alpn != 'h2')",
    "len(tls.client_alpn) = 2",
    "tls.client_ciphers = 0x1301",
    "all(tls.client_ciphers > 0x1301)",
    "http.host = 'www.example.org'",
    "http.host under 'org'",
    "conn.bytes > 1000",
    "conn.packets < 3",
};

std::string random_filter(Random& random, int depth) {
  switch (depth == 0 ? 9 : random.below(9)) {
    case 0:
    case 1:
    case 2:
      return "(" + random_filter(random, depth - 1) + " and " + random_filter(random, depth - 1) + ")";
    case 3:
    case 4:
      return "(" + random_filter(random, depth - 1) + " or " + random_filter(random, depth - 1) + ")";
    case 5:
    case 6:
      return "not " + random_filter(random, depth - 1);
    default:
      return std::string(random.of(atoms));
  }
}

std::uint32_t number_of(std::string_view protocol) { return parsers::protocol_number(protocol); }

struct Sample {
  ConnRecord record;
  parsers::packet::Headers headers{};
  std::uint32_t birth = 1;
  std::uint32_t protocol = 0;
  std::vector<TlsHandshake> tls;
  std::vector<HttpTransaction> http;

  [[nodiscard]] std::vector<const void*> sessions() const {
    std::vector<const void*> all;
    all.reserve(tls.size() + http.size());
    for (const TlsHandshake& each : tls) all.push_back(&each);
    for (const HttpTransaction& each : http) all.push_back(&each);
    return all;
  }
};

TlsHandshake random_handshake(Random& random) {
  static constexpr std::string_view names[] = {
      "www.example.org",
      "example.org",
      "a.test",
      "",
      "wwwexample.org",
      "a-name-that-is-too-long-to-be-compared-in-a-few-words-so-that-a-function-is-called.example.org"};
  static constexpr std::string_view protocols[] = {"h2", "http/1.1", "h3"};
  static constexpr std::uint16_t ciphers[] = {0x1301, 0x1302, 0x1303};
  TlsHandshake handshake;
  if (!random.one_in(5)) handshake.layout.sni = random.of(names);
  if (!random.one_in(3)) handshake.layout.version = static_cast<std::uint16_t>(0x0301 + random.below(4));
  if (!random.one_in(3)) handshake.layout.cipher = 0x1301;
  handshake.layout.psk_offered = random.one_in(2);
  handshake.layout.client_alpn = std::span(protocols).subspan(random.below(3), random.below(2));
  handshake.layout.client_ciphers = std::span(ciphers).subspan(random.below(2), random.below(3));
  return handshake;
}

Sample random_sample(Random& random) {
  const std::array ends{IpAddress::v4({10, 1, 2, 3}), IpAddress::v4({192, 168, 7, 7}),
                        IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}),
                        IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3})};
  static constexpr std::uint16_t ports[] = {80, 443, 8080, 53, 50'000};
  Sample sample;
  FiveTuple& tuple = sample.record.tuple;
  const bool v4 = random.one_in(2);
  tuple.originator = {ends[(v4 ? 0 : 2) + random.below(2)], random.of(ports)};
  tuple.responder = {ends[(v4 ? 0 : 2) + random.below(2)], random.of(ports)};
  tuple.transport = random.one_in(3) ? Transport::Udp : Transport::Tcp;
  sample.record.originator.payload_bytes = sample.record.originator.packets = std::uint64_t{600} * random.below(4);
  sample.birth = 1 + random.below(3);
  if (tuple.transport == Transport::Udp) {
    sample.protocol = random.one_in(2) ? number_of("dns") : 0;
  } else if (random.one_in(2)) {
    sample.protocol = number_of("tls");
    for (std::uint32_t n = random.below(3); n > 0; --n) sample.tls.push_back(random_handshake(random));
  } else if (random.one_in(2)) {
    sample.protocol = number_of("http");
    for (std::uint32_t n = random.below(4); n > 0; --n) {
      sample.http.emplace_back().layout.host = random.one_in(2) ? "www.example.org" : "example.net";
    }
  }
  return sample;
}

// One of the two ways.
struct Way {
  Meter meter;
  Progress progress{&meter};
  Evaluator evaluator{0, meter, progress.tally()};

  void use(const Merged& merged) {
    progress.use(*merged.plan, merged.straight.get());
    evaluator.use(merged);
  }
};

class Comparison {
 public:
  Comparison(engine::Engine& engine, unsigned seed)
      : random_(seed), dispatcher_(engine), straightener_(engine), planner_(1) {
    add(random_.one_in(4) ? 12 + random_.below(6) : 1 + random_.below(6));
    if (random_.one_in(2)) remove_some();
    if (random_.one_in(2)) add(2);
    looking_up_.plan = value_of(planner_.snapshot(1));
    std::vector<codegen::FamilyShape> shapes;
    for (const plan::Family& family : looking_up_.plan->families) {
      shapes.push_back({family.field, family.op});
      looking_up_.families.push_back({family.index == nullptr ? nullptr : family.index->table()});
    }
    small_ = codegen::is_small(*looking_up_.plan);
    if (!small_) return;
    looking_up_.dispatch = value_of(dispatcher_.compile(shapes));
    straight_ = looking_up_;
    straight_.straight = value_of(straightener_.compile(*looking_up_.plan));
    ways_[0].use(looking_up_);
    ways_[1].use(straight_);
  }

  [[nodiscard]] bool is_small() const { return small_; }
  [[nodiscard]] std::size_t matched() const { return matched_; }

  void play(std::size_t connections) {
    for (std::size_t i = 0; i < connections && !::testing::Test::HasFailure(); ++i) play(random_sample(random_));
    for (plan::NodeId node = 0; node < looking_up_.plan->nodes.size(); ++node) {
      EXPECT_EQ(ways_[0].progress.tally().reached(node), ways_[1].progress.tally().reached(node)) << node;
    }
    for (std::size_t family = 0; family < looking_up_.plan->families.size(); ++family) {
      if (looking_up_.plan->families[family].field == nullptr) continue;
      EXPECT_EQ(ways_[0].progress.tally().evaluations(family), ways_[1].progress.tally().evaluations(family))
          << looking_up_.plan->families[family].field->name;
    }
  }

 private:
  template <class T>
  static T value_of(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
  }

  void add(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      plan::Request request;
      request.birth = 1 + random_.below(3);
      const auto parsed = filter::parse(random_filter(random_, 3));
      if (!parsed || parsed->clauses.size() > 6) continue;
      request.filter = *parsed;
      if (random_.one_in(3)) {
        request.scope = plan::Scope::session;
        request.protocol = number_of(random_.one_in(2) ? "tls" : "http");
      }
      if (const auto action = planner_.add(request)) actions_.push_back(*action);
    }
  }

  void remove_some() {
    for (const plan::ActionId action : actions_) {
      if (!random_.one_in(3)) continue;
      planner_.remove(action);
      if (random_.one_in(2)) planner_.forget(action);
    }
    actions_.clear();
  }

  // `go`: takes the step one way.
  template <class Step>
  void step(Step go) {
    std::array<std::vector<Match>, 2> matches;
    std::array<std::vector<plan::NodeId>, 2> frontiers;
    std::array<std::vector<plan::NodeId>, 2> pending;
    for (std::size_t i = 0; i < ways_.size(); ++i) {
      go(ways_[i]);
      const Progress& progress = ways_[i].progress;
      matches[i].assign(progress.matches().begin(), progress.matches().end());
      frontiers[i].assign(progress.frontier().begin(), progress.frontier().end());
      pending[i].assign(progress.pending().begin(), progress.pending().end());
    }
    ASSERT_EQ(matches[0], matches[1]);
    ASSERT_EQ(frontiers[0], frontiers[1]);
    ASSERT_EQ(pending[0], pending[1]);
    frontier_ = frontiers[0];
    matched_ += matches[0].size();
  }

  void play(const Sample& sample) {
    frontier_.clear();
    const auto standing = [&] { return Standing{frontier_, &sample.record, sample.birth}; };
    step([&](Way& way) {
      way.progress.on_tuple(way.evaluator.of_tuple({.subject = &sample.record, .headers = &sample.headers}),
                            standing());
    });
    const abi::Facts identified{.subject = &sample.record, .protocol = sample.protocol};
    step([&](Way& way) {
      way.progress.on_protocol(way.evaluator.of_protocol(identified), sample.protocol, standing());
    });
    const std::vector<plan::NodeId> after = frontier_;
    for (const void* session : sample.sessions()) {
      const abi::Facts facts{.subject = &sample.record, .session = session, .protocol = sample.protocol};
      frontier_ = after;
      step([&](Way& way) { way.progress.on_session(way.evaluator.of_session(facts), sample.protocol, standing()); });
    }
  }

  Random random_;
  codegen::DispatchCompiler dispatcher_;
  codegen::StraightCompiler straightener_;
  plan::Planner planner_;
  std::vector<plan::ActionId> actions_;
  bool small_ = false;
  Merged looking_up_;
  Merged straight_;
  std::array<Way, 2> ways_;
  std::vector<plan::NodeId> frontier_;
  std::size_t matched_ = 0;
};

TEST(StraightTest, ComesToTheSameAsLookUps) {
  const auto engine = engine::Engine::create();
  ASSERT_TRUE(engine);
  constexpr unsigned seeds = 60;
  unsigned small = 0;
  std::size_t matched = 0;
  for (unsigned seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Comparison comparison(**engine, seed);
    if (!comparison.is_small()) continue;
    ++small;
    comparison.play(400);
    matched += comparison.matched();
  }
  EXPECT_GT(small, seeds / 2);
  EXPECT_GT(matched, small * 50);
}

}  // namespace
}  // namespace iris::conn
