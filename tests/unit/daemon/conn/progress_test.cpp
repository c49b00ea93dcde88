// Progress through the merged plan against an obvious interpreter that looks at each filter alone, over random
// filters, connections, and additions and removals between events.
#include "daemon/conn/progress.hpp"

#include <iris/conn_record.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "jit/plan/planner.hpp"

namespace iris::conn {
namespace {

using filter::Clause;
using filter::Literal;
using parsers::Level;
using Found = std::span<const plan::PredicateId>;

std::uint32_t number_of(std::string_view protocol) {
  const auto all = parsers::registry();
  for (std::uint32_t i = 1; i < all.size(); ++i) {
    if (all[i].name == protocol) return i;
  }
  return 0;
}

// A connection, seen from its end.
struct Trace {
  std::uint64_t transport = 6;
  std::uint16_t port = 0;
  bool identified = false;           // on_protocol happens before the end
  std::uint32_t protocol = 0;        // and says this
  std::vector<std::string> servers;  // one session each
};

// What is asked about directly.
struct Facts {
  explicit Facts(const Trace& trace) {
    record.tuple.transport = static_cast<Transport>(trace.transport);
    record.tuple.responder.port = trace.port;
  }
  ConnRecord record;
};

bool holds(const filter::Predicate& predicate, const Trace& trace, const std::string* server) {
  const auto any = [&](auto test) { return std::ranges::any_of(predicate.operands, test); };
  const auto number = [](const filter::Operand& operand) { return std::get<std::uint64_t>(operand); };
  if (predicate.field->level == Level::session) {
    return server != nullptr && any([&](const auto& o) { return std::get<std::string>(o) == *server; });
  }
  if (predicate.field->level == Level::protocol) {
    return trace.identified && any([&](const auto& o) { return number(o) == trace.protocol; });
  }
  const bool port = predicate.field->name == "port";
  if (port && (filter::protocol_of(*predicate.field) == "tcp") != (trace.transport == 6)) return false;
  const std::uint64_t value = port ? trace.port : trace.transport;
  return any([&](const auto& o) {
    if (const auto* range = std::get_if<filter::Range>(&o)) return range->first <= value && value <= range->last;
    return number(o) == value;
  });
}

// One clause for one session, or (nullptr) for a connection without any.
bool clause_holds(const Clause& clause, const Trace& trace, const std::string* server) {
  return std::ranges::all_of(clause, [&](const Literal& l) { return holds(l.predicate, trace, server) != l.negated; });
}

bool about_sessions(const Clause& clause) {
  return std::ranges::any_of(clause, [](const Literal& l) { return l.predicate.field->level == Level::session; });
}

unsigned expected_matches(const plan::Request& request, const Trace& trace) {
  const bool tls = trace.identified && trace.protocol == number_of("tls");
  unsigned sessions = 0;
  bool connection = false;
  for (const std::string& server : trace.servers) {
    const bool any = std::ranges::any_of(request.filter.clauses,
                                         [&](const Clause& c) { return tls && clause_holds(c, trace, &server); });
    sessions += any ? 1 : 0;
    connection |= any;
  }
  for (const Clause& clause : request.filter.clauses) {
    if (!about_sessions(clause) || trace.servers.empty()) connection |= clause_holds(clause, trace, nullptr);
  }
  return request.scope == plan::Scope::session ? sessions : (connection ? 1 : 0);
}

const std::vector<std::string> atoms{"tcp",
                                     "udp",
                                     "tcp.port = 1",
                                     "tcp.port in {1, 2}",
                                     "udp.port = 2",
                                     "tcp.port in 1..2",
                                     "not udp.port in 2..3",
                                     "tls",
                                     "tls.sni = 'a'",
                                     "tls.sni in {'a', 'b'}",
                                     "tls.sni = 'b'",
                                     "tcp.port != 1",
                                     "tls.sni != 'a'"};

std::string random_filter(std::mt19937& random, int depth) {
  const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  switch (depth == 0 ? 0 : pick(4)) {
    case 1:
      return "(" + random_filter(random, depth - 1) + " and " + random_filter(random, depth - 1) + ")";
    case 2:
      return "(" + random_filter(random, depth - 1) + " or " + random_filter(random, depth - 1) + ")";
    case 3:
      return "not (" + random_filter(random, depth - 1) + ")";
    default:
      return atoms[pick(atoms.size())];
  }
}

Trace random_trace(std::mt19937& random) {
  const auto pick = [&](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };
  Trace trace;
  trace.transport = pick(3) == 0 ? 17 : 6;
  trace.port = static_cast<std::uint16_t>(1 + pick(3));
  trace.identified = pick(4) != 0;
  if (trace.identified && trace.transport == 6 && pick(4) != 0) trace.protocol = number_of("tls");
  for (unsigned n = trace.protocol != 0 ? pick(3) : 0; n > 0; --n) trace.servers.emplace_back(1, "abc"[pick(3)]);
  return trace;
}

// Plays traces under a planner whose callbacks come and go, and counts what matched.
class Player {
 public:
  // `wide`: so many filters begin with what most connections pass, that further such literals are asked about last.
  Player(unsigned seed, unsigned wide) : random_(seed) {
    for (unsigned i = 0; i < wide; ++i) {
      add("not tcp.port = " + std::to_string(10 + i) + " and tls.sni = '" + std::string(1, "abc"[i % 3]) + "'");
    }
    for (int i = 0; i < 4; ++i) add(random_filter(random_, 3));
    renew();
  }

  void play(const Trace& trace) {
    const std::uint32_t birth = plan_->epoch;
    const auto born_with = live_;
    std::map<plan::ActionId, unsigned> counts;
    auto progress = std::make_unique<Progress>(*plan_);
    std::vector<plan::NodeId> frontier;
    const Facts facts(trace);
    const auto standing = [&] { return Standing{frontier, &facts.record, birth}; };
    progress->on_tuple(Found(truths(Level::tuple, trace, nullptr)), standing());
    note(*progress, counts);
    frontier.assign(progress->frontier().begin(), progress->frontier().end());
    const auto change = [&] {
      if (std::uniform_int_distribution<>(0, 2)(random_) != 0) return;
      if (std::uniform_int_distribution<>(0, 1)(random_) == 0) add(random_filter(random_, 3));
      if (std::uniform_int_distribution<>(0, 1)(random_) == 0) remove_one();
      renew();
      progress = std::make_unique<Progress>(*plan_);
      std::erase_if(frontier, [&](plan::NodeId id) { return !progress->survives(id, birth); });
    };
    change();
    if (trace.identified) {
      progress->on_protocol(Found(truths(Level::protocol, trace, nullptr)), trace.protocol, standing());
      note(*progress, counts);
      frontier.assign(progress->frontier().begin(), progress->frontier().end());
    }
    for (const std::string& server : trace.servers) {
      change();
      progress->on_session(Found(truths(Level::session, trace, &server)), trace.protocol, standing());
      note(*progress, counts);
    }
    change();
    progress->on_end({trace.identified, trace.protocol, !trace.servers.empty()}, standing());
    note(*progress, counts);
    for (const auto& [id, request] : live_) {
      const bool shown = born_with.contains(id) && born_with.at(id).birth == request.birth;
      ASSERT_EQ(counts[id], shown ? expected_matches(request, trace) : 0U)
          << request.filter.text << (request.scope == plan::Scope::session ? " (each session)" : "");
    }
    settle();
  }

 private:
  void add(const std::string& filter) {
    plan::Request request;
    request.birth = epoch_ + 1;
    auto parsed = filter::parse(filter);
    if (!parsed) return;  // it can never be true
    request.filter = *parsed;
    if (std::uniform_int_distribution<>(0, 2)(random_) == 0) {
      request.scope = plan::Scope::session;
      request.protocol = number_of("tls");
    }
    const auto id = planner_.add(request);
    if (id) live_[*id] = request;
  }
  void remove_one() {
    if (live_.empty()) return;
    const auto victim = std::next(live_.begin(), std::uniform_int_distribution<std::ptrdiff_t>(
                                                     0, static_cast<std::ptrdiff_t>(live_.size()) - 1)(random_));
    planner_.remove(victim->first);
    removed_.push_back(victim->first);
    live_.erase(victim);
  }
  void renew() {
    auto plan = planner_.snapshot(++epoch_);
    ASSERT_TRUE(plan.has_value());
    plan_ = *plan;
  }
  // No connection is left: what was removed may be forgotten, and its identifiers used again.
  void settle() {
    for (const plan::ActionId id : removed_) planner_.forget(id);
    removed_.clear();
  }
  std::vector<plan::PredicateId> truths(Level level, const Trace& trace, const std::string* server) const {
    std::vector<plan::PredicateId> found;
    for (plan::PredicateId id = 0; id < plan_->predicates.size(); ++id) {
      const index::PredicatePtr& predicate = plan_->predicates[id];
      if (predicate == nullptr || predicate->field->level != level) continue;
      if (holds(*predicate, trace, server)) found.push_back(id);
    }
    return found;
  }
  void note(const Progress& progress, std::map<plan::ActionId, unsigned>& counts) const {
    for (const Match& match : progress.matches()) {
      unsigned& count = counts[match.action];
      count = plan_->actions[match.action].scope == plan::Scope::session ? count + 1 : 1;
    }
  }

  std::mt19937 random_;
  plan::Planner planner_{1};
  std::uint32_t epoch_ = 0;
  std::shared_ptr<const plan::Plan> plan_;
  std::map<plan::ActionId, plan::Request> live_;
  std::vector<plan::ActionId> removed_;
};

void play_all(unsigned seeds, unsigned wide) {
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Player player(seed, wide);
    std::mt19937 random(seed);
    for (int i = 0; i < 12; ++i) {
      player.play(random_trace(random));
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(ProgressTest, AgreesWithAnInterpreterWhileCallbacksComeAndGo) { play_all(1000, 0); }
TEST(ProgressTest, AgreesWhereLiteralsAreAskedAboutLast) { play_all(200, 40); }

}  // namespace
}  // namespace iris::conn
