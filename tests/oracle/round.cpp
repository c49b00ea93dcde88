#include "tests/oracle/round.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "tests/oracle/own_filters.hpp"
#include "tests/oracle/questions.hpp"
#include "tests/oracle/traffic.hpp"

namespace iris::oracle {
namespace {

constexpr std::string_view connection_source = R"(
#include <iris/iris.hpp>
struct Row { iris::Endpoint originator, responder; iris::Transport transport; };
IRIS_CALLBACK("") void f(const iris::FiveTuple& t) { iris::emit(Row{t.originator, t.responder, t.transport}); }
)";

// A session callback whose rows tell two things of the session.
#define IRIS_ORACLE_SESSIONS(type, number, text)                                                        \
  "#include <iris/iris.hpp>\n"                                                                          \
  "struct Row { iris::Endpoint originator, responder; iris::Transport transport; std::uint64_t number;" \
  "             std::span<const std::uint8_t> text; };\n"                                               \
  "IRIS_CALLBACK(\"\") void f(const iris::" type                                                        \
  "& s, const iris::FiveTuple& t) {\n"                                                                  \
  "  const std::string_view text = " text                                                               \
  ";\n"                                                                                                 \
  "  iris::emit(Row{t.originator, t.responder, t.transport, " number                                    \
  ", {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}});\n"                            \
  "}\n"

constexpr Callback callbacks[] = {
    {connection_source, ""},
    {IRIS_ORACLE_SESSIONS("HttpTransaction", "s.index()", "s.host()"), "http", "host", "index"},
    {IRIS_ORACLE_SESSIONS("TlsHandshake", "0", "s.sni()"), "tls", "sni"},
    {IRIS_ORACLE_SESSIONS("DnsTransaction", "s.id()", "s.query()"), "dns", "query", "id"},
    {IRIS_ORACLE_SESSIONS("SshHandshake", "0", "s.client_version()"), "ssh", "client_version"},
    {IRIS_ORACLE_SESSIONS("QuicConnection", "s.version()", "s.sni()"), "quic", "sni", "version_number"},
    {IRIS_ORACLE_SESSIONS("MqttExchange", "0", "s.kind_name()"), "mqtt", "kind"},
};
#undef IRIS_ORACLE_SESSIONS

// With the filters that any of its subscriptions may name.
std::string source_of(const Callback& callback) {
  std::string text(callback.source);
  for (const OwnFilter& own : own_filters()) text += own.source;
  return text;
}

std::uint32_t number_of(std::string_view protocol) {
  const auto all = parsers::registry();
  const auto* found = parsers::find_protocol(protocol);
  return found == nullptr ? 0 : static_cast<std::uint32_t>(found - all.data());
}

std::vector<filter::NamedFile> named(const Files& files) {
  std::vector<filter::NamedFile> named;
  for (const auto& [name, content] : files) named.push_back({name, content, {}});
  return named;
}

// Why the language will not have it; empty: it will.
std::string refusal(const Candidate& candidate, const Files& files) {
  const auto list = named(files);
  const auto parsed = filter::parse(candidate.subscription.meaning.text(), filter::Subject::connection,
                                    {.files = list, .user_filters = own_names()});
  if (!parsed) return parsed.error().message;
  if (candidate.subscription.protocol == 0) return {};
  return filter::narrowed(*parsed, candidate.callback->protocol) ? "" : "can never be true for a session";
}

Candidate candidate_of(const Callback& callback, Meaning meaning) {
  return {&callback,
          {{}, std::move(meaning), number_of(callback.protocol), callback.row_text, callback.row_number, at_packet(0)}};
}

Candidate random_candidate(Random& random, const Questions& questions, const Files& files, std::size_t packets) {
  const Callback& callback = random.one_in(2) ? callbacks[0] : random.of(callbacks);
  Candidate candidate = candidate_of(callback, Meaning(questions.filter(random), files));
  if (random.one_in(3)) candidate.subscription.added = at_packet(random.below(packets));
  if (random.one_in(3))
    candidate.subscription.removed = at_packet(random.between(candidate.subscription.added / 2 + 1, packets));
  return candidate;
}

std::string row_of(const nlohmann::json& event) {
  const auto end = [&](const char* name) {
    return fmt::format("{} {}", event[name]["ip"].get<std::string>(), event[name]["port"].get<unsigned>());
  };
  return fmt::format("{} {} {} {} '{}'", event["transport"] == "Tcp" ? "tcp" : "udp", end("originator"),
                     end("responder"), event.value("number", std::uint64_t{0}), event.value("text", std::string()));
}

// Behind what is there, after a long pause.
void append(Capture& all, Capture one, std::vector<std::size_t>& begins) {
  Duration shift;
  begins.push_back(all.frames.size());
  if (!all.frames.empty()) {
    one.pauses.front() = Pause::long_one;
    shift = (all.frames.back().ts + length_of(Pause::long_one)) - Timestamp{};
  }
  for (source::Frame& frame : one.frames) frame.ts = frame.ts + shift;
  std::ranges::move(one.frames, std::back_inserter(all.frames));
  std::ranges::move(one.pauses, std::back_inserter(all.pauses));
}

}  // namespace

std::size_t captures_seen(const Round& round, const Candidate& candidate) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < round.begins.size(); ++i) {
    const std::size_t end = i + 1 < round.begins.size() ? round.begins[i + 1] : round.capture.frames.size();
    const bool over = candidate.subscription.added >= at_packet(end);
    seen += !over && candidate.subscription.removed > at_packet(round.begins[i]) ? 1 : 0;
  }
  return seen;
}

const Callback& callback_of(std::string_view protocol) {
  return *std::ranges::find(callbacks, protocol, &Callback::protocol);
}

Round round_of(Capture capture, std::string_view protocol, const std::string& filter) {
  Round round;
  round.capture = std::move(capture);
  round.begins = {0};
  round.stories = stories_of(round.capture);
  round.universe = universe_of(round.stories);
  round.files = std::make_shared<const Files>();
  round.bursts = {1};
  round.candidates.push_back(candidate_of(callback_of(protocol), Meaning(filter, *round.files)));
  return round;
}

Round random_round(std::uint64_t seed) {
  Random random(seed);
  Round round;
  round.seed = seed;
  for (std::size_t n = 0; n < captures_a_round; ++n)
    append(round.capture, random_capture(random, random.one_in(4) ? 40 : 15, {}), round.begins);
  round.stories = stories_of(round.capture);
  round.watched = random.one_in(2);
  if (round.watched) {
    for (Story& story : round.stories) story.may_have_begun = story.begun;
  }
  round.universe = universe_of(round.stories);
  for (std::size_t n = random.between(1, 4); n > 0; --n) round.bursts.push_back(random.between(1, 64));
  const Questions questions(round.stories, random);
  round.files = std::make_shared<const Files>(questions.files());
  for (std::size_t wanted = random.between(1, 40); round.candidates.size() < wanted;) {
    Candidate candidate = random_candidate(random, questions, *round.files, round.capture.frames.size());
    const std::string why = refusal(candidate, *round.files);
    if (why.empty()) {
      round.candidates.push_back(std::move(candidate));
    } else if (why.contains("can never be true") && !why.contains("session is like that")) {
      ++round.refused;
      candidate.subscription.added = 0;
      candidate.subscription.removed = std::numeric_limits<When>::max();
      if (const Rows rows = expected_of(round, candidate).certain; !rows.empty())
        throw std::runtime_error(fmt::format("seed {}: '{}' is refused ({}), but is true of {}", seed,
                                             candidate.subscription.meaning.text(), why, rows.front()));
    } else if (!why.contains("alternatives") && !why.contains("never a connection") &&
               !why.contains("session is like that")) {
      throw std::runtime_error(
          fmt::format("seed {}: '{}' is refused: {}", seed, candidate.subscription.meaning.text(), why));
    }
  }
  return round;
}

bool Expected::fits(const Rows& actual) const {
  if (actual == certain) return true;
  Rows more;
  std::ranges::set_difference(actual, certain, std::back_inserter(more));
  return actual.size() == certain.size() + more.size() && std::ranges::includes(possible, more);
}

Expected expected_of(const Round& round, const Candidate& candidate) {
  Expected expected;
  for (const Story& story : round.stories) {
    Events events = events_of(candidate.subscription, story, round.universe);
    std::ranges::move(events.certain, std::back_inserter(expected.certain));
    std::ranges::move(events.possible, std::back_inserter(expected.possible));
  }
  std::ranges::sort(expected.certain);
  std::ranges::sort(expected.possible);
  return expected;
}

// ---- the engine -------------------------------------------------------------------------------------------------

Player::Player(control::Straighten straighten)
    : rig_(holder_,
           {.capacity = 1U << 12,
            .tcp_inactivity{3600'000'000'000},
            .tcp_establish{3600'000'000'000},
            .udp_inactivity{3600'000'000'000}},
           straighten) {}

void Player::flush() {
  if (!burst_.empty()) rig_.process(burst_);
  packets_ += burst_.size();
  const support::Rig::Turn turn(rig_);  // so that the pipeline stays
  if (rig_.publisher().current(0)->straight != nullptr) straight_packets_ += burst_.size();
  burst_.clear();
}

// Those that are to be added before the packet: of each source all at once.
void Player::add(const Round& round, std::size_t packet, const Changes& newcomers) {
  const auto found = newcomers.find(packet);
  if (found == newcomers.end()) return;
  for (const Callback& callback : callbacks) {
    std::vector<control::Narrowed> batch;
    for (const auto& [candidate, name] : found->second) {
      if (candidate->callback == &callback) batch.push_back({name, candidate->subscription.meaning.text(), {}});
    }
    if (batch.empty()) continue;
    const jit::Source source{
        .name = "oracle.cpp", .text = source_of(callback), .files = named(*round.files), .stateless = true};
    if (const auto added = rig_.registry().add_batch(source, batch); !added)
      throw std::runtime_error(fmt::format("seed {}: {}", round.seed, added.error().message));
  }
}

std::vector<Rows> Player::play(const Round& round, const std::vector<std::size_t>& chosen) {
  std::vector<std::string> names;
  Changes newcomers;
  std::multimap<std::size_t, std::string> leavers;
  for (const std::size_t number : chosen) {
    const Candidate& candidate = round.candidates[number];
    names.push_back(fmt::format("s{}", names_++));
    newcomers[candidate.subscription.added / 2].emplace_back(&candidate, names.back());
    leavers.emplace(std::min(candidate.subscription.removed / 2, round.capture.frames.size() + 1), names.back());
  }
  const auto change = [&](std::size_t packet) {
    if (!newcomers.contains(packet) && !leavers.contains(packet)) return;
    flush();
    const auto [first, last] = leavers.equal_range(packet);
    for (auto each = first; each != last; ++each) {
      if (const auto removed = rig_.registry().remove(each->second); !removed)
        throw std::runtime_error(removed.error().message);
    }
    add(round, packet, newcomers);
  };
  const std::string watcher = fmt::format("watcher{}", names_);
  if (round.watched) {
    const jit::Source source{.name = "oracle.cpp", .text = source_of(callback_of("")), .stateless = true};
    if (const auto added = rig_.registry().add(watcher, source); !added)
      throw std::runtime_error(added.error().message);
  }
  std::size_t burst = 0;
  const auto& frames = round.capture.frames;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Timestamp ts = now_ + Duration{static_cast<std::int64_t>(frames[i].ts.nanoseconds)};
    if (round.capture.pauses[i] != Pause::none) {
      flush();
      while (!rig_.tracker().expire(ts, 1U << 20)) {
      }
    }
    change(i);
    const auto length = static_cast<std::uint32_t>(frames[i].bytes.size());
    burst_.push_back({frames[i].bytes.data(), length, length, ts, nullptr});
    if (burst_.size() < round.bursts[burst]) continue;
    flush();
    burst = (burst + 1) % round.bursts.size();
  }
  flush();
  change(frames.size());
  rig_.finish();
  change(frames.size() + 1);
  if (round.watched) {
    if (const auto removed = rig_.registry().remove(watcher); !removed)
      throw std::runtime_error(removed.error().message);
  }
  now_ = now_ + Duration{static_cast<std::int64_t>(frames.back().ts.nanoseconds)} + length_of(Pause::long_one);
  auto events = rig_.take_events();
  std::vector<Rows> all;
  for (const std::string& name : names) {
    Rows& rows = all.emplace_back();
    for (const auto& event : events[name]) rows.push_back(row_of(event));
    std::ranges::sort(rows);
  }
  return all;
}

}  // namespace iris::oracle
