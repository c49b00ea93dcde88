#include "tests/oracle/events.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include <fmt/format.h>

#include "daemon/conn/layer7.hpp"

namespace iris::oracle {
namespace {

std::string text_of(const Endpoint& end) {
  char text[INET6_ADDRSTRLEN] = {};
  const bool v4 = end.ip.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, end.ip.bytes.data() + (v4 ? 12 : 0), text, sizeof text);
  return fmt::format("{} {}", text, end.port);
}

// Whatever becomes known after the moment.
class Future {
 public:
  Future(const Meaning& meaning, const Story& story, const Universe& universe)
      : meaning_(meaning), story_(story), universe_(universe) {}

  // Whether the filter is true of what is known then, come what may. Of a connection, or of a session.
  [[nodiscard]] bool certain(const Moment& now, const SessionPtr& session) const {
    if (session != nullptr) return certain_with(now, session->protocol, Sessions::one, session);
    if (now.facts.identified && !now.facts.tunnels) return certain_of(now, now.facts.protocol);
    const std::uint64_t possible = conn::protocols_over(story_.tuple.transport) | 1U;
    for (std::uint32_t protocol = 0; protocol < parsers::registry().size(); ++protocol) {
      if ((possible >> protocol & 1U) != 0 && !certain_of(now, protocol)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] bool certain_of(const Moment& now, std::uint32_t protocol) const {
    const auto sessions = universe_.find(protocol);
    const bool of_all =
        sessions == universe_.end() || std::ranges::all_of(sessions->second, [&](const SessionPtr& one) {
          return certain_with(now, protocol, Sessions::one, one);
        });
    return of_all && certain_with(now, protocol, Sessions::none, nullptr);
  }
  // Whatever the counters come to.
  [[nodiscard]] bool certain_with(const Moment& now, std::uint32_t protocol, Sessions sessions,
                                  const SessionPtr& session) const {
    return std::ranges::all_of(story_.moments, [&](const Moment& later) {
      if (later.when < now.when) return true;
      Facts facts = later.facts;
      facts.identified = facts.over = true;
      facts.protocol = facts.latest = protocol;
      facts.tunnels = false;
      facts.sessions = sessions;
      facts.session = session;
      return meaning_.of(facts) == Truth::yes;
    });
  }

  const Meaning& meaning_;
  const Story& story_;
  const Universe& universe_;
};

Events events_of_connection(const Subscription& subscription, const Story& story, const Universe& universe) {
  std::vector<SessionPtr> sessions;  // so far
  const Moment* latest = nullptr;    // before the subscription was removed
  for (const Moment& moment : story.moments) {
    if (moment.when >= subscription.removed) break;
    latest = &moment;
    if (moment.facts.session != nullptr) sessions.push_back(moment.facts.session);
    Facts facts = moment.facts;
    if (facts.sessions == Sessions::one) facts.sessions = Sessions::unknown;
    bool holds = subscription.meaning.of(facts) == Truth::yes;
    facts.sessions = Sessions::one;
    for (const SessionPtr& session : sessions) {
      facts.session = session;
      facts.protocol = session->protocol;
      holds = holds || subscription.meaning.of(facts) == Truth::yes;
    }
    if (holds) return {{row(story.tuple, {}, 0)}, {}};
  }
  if (latest == nullptr || latest == &story.moments.back()) return {};
  const Future future(subscription.meaning, story, universe);
  const bool possible = future.certain(*latest, nullptr) || std::ranges::any_of(sessions, [&](const SessionPtr& each) {
                          return future.certain(*latest, each);
                        });
  if (possible) return {{}, {row(story.tuple, {}, 0)}};
  return {};
}

std::string session_row(const Subscription& subscription, const Story& story, const Session& session) {
  std::string text;
  std::uint64_t number = 0;
  if (!subscription.row_text.empty()) {
    const Values& values = value_of(session, subscription.row_text);
    if (values) text = std::get<std::string>(values->front());
  }
  if (!subscription.row_number.empty()) number = only_number(value_of(session, subscription.row_number));
  return row(story.tuple, text, number);
}

Events events_of_sessions(const Subscription& subscription, const Story& story, const Universe& universe) {
  Events events;
  const Future future(subscription.meaning, story, universe);
  for (auto own = story.moments.begin(); own != story.moments.end() && own->when < subscription.removed; ++own) {
    const SessionPtr& session = own->facts.session;
    if (session == nullptr || session->protocol != subscription.protocol) continue;
    // Counters may decide later.
    const auto matched = std::find_if(own, story.moments.end(), [&](const Moment& moment) {
      Facts facts = moment.facts;
      facts.sessions = Sessions::one;
      facts.session = session;
      facts.protocol = session->protocol;
      return subscription.meaning.of(facts) == Truth::yes;
    });
    if (matched == story.moments.end()) continue;
    const std::string row = session_row(subscription, story, *session);
    if (matched->when < subscription.removed) {
      events.certain.push_back(row);
    } else if (future.certain(*own, session)) {
      events.possible.push_back(row);
    }
  }
  return events;
}

}  // namespace

std::string row(const FiveTuple& tuple, std::string_view text, std::uint64_t number) {
  std::string bytes;
  for (const char c : text) bytes += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return fmt::format("{} {} {} {} '{}'", name(tuple.transport), text_of(tuple.originator), text_of(tuple.responder),
                     number, bytes);
}

Universe universe_of(std::span<const Story> stories) {
  Universe universe;
  for (const Story& story : stories) {
    for (const Moment& moment : story.moments) {
      if (moment.facts.session != nullptr) universe[moment.facts.session->protocol].push_back(moment.facts.session);
    }
  }
  return universe;
}

Events events_of(const Subscription& subscription, const Story& story, const Universe& universe) {
  if (story.begun < subscription.added || story.begun >= subscription.removed) return {};
  Events events = subscription.protocol == 0 ? events_of_connection(subscription, story, universe)
                                             : events_of_sessions(subscription, story, universe);
  if (story.may_have_begun < subscription.added)
    std::ranges::move(std::exchange(events.certain, {}), std::back_inserter(events.possible));
  return events;
}

}  // namespace iris::oracle
