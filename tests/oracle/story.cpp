#include "tests/oracle/story.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

#include "daemon/conn/layer7.hpp"
#include "parsers/packet/decode.hpp"

namespace iris::oracle {
namespace {

using parsers::Status;
using parsers::packet::Decoded;

// Gives all that is asked for, and frees it with the connection.
class Heap final : public parsers::Arena {
 public:
  [[nodiscard]] void* allocate(std::size_t size, std::size_t /*alignment*/) noexcept override {
    return blocks_.emplace_back(std::make_unique<std::byte[]>(size)).get();
  }

 private:
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
};

// One direction of a TCP connection.
struct Stream {
  bool begun = false;
  std::uint32_t next = 0;                                    // sequence number of the first byte that is missing
  std::map<std::uint32_t, std::vector<std::uint8_t>> early;  // what came too soon, by its sequence number
  bool fin = false;
  std::uint32_t after_fin = 0;
  bool fin_acknowledged = false;
};

class Connection {
 public:
  Connection(const FiveTuple& tuple, Timestamp ts, bool midstream, When when) {
    story.tuple = facts_.record.tuple = tuple;
    story.begun = when;
    facts_.record.start = ts;
    facts_.record.midstream = midstream;
    layer7_ = std::make_unique<conn::Layer7>(conn::protocols_over(tuple.transport), story.tuple);
  }

  void take(const Decoded& packet, std::span<const std::uint8_t> payload, const source::Frame& frame, When when,
            bool counting);
  // Nothing will come any more.
  void end(When when);

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool begins_anew(const Decoded& packet) const {
    return closed_ && (packet.flags & tcp_flag::syn) != 0 && packet.sequence != first_sequence_;
  }
  Story story;

 private:
  void tell(When when) { story.moments.push_back({when, facts_}); }
  void count(const Decoded& packet, Direction direction, const source::Frame& frame);
  void take_in_sequence(const Decoded& packet, std::span<const std::uint8_t> payload, const parsers::Segment& segment,
                        When when);
  void note_end(const Decoded& packet, Direction direction);
  void close(When when);
  void feed(const parsers::Segment& segment, When when);
  [[nodiscard]] Status report(Status status, When when);

  Facts facts_;
  Heap memory_;
  std::unique_ptr<conn::Layer7> layer7_;
  std::array<Stream, 2> streams_;
  std::uint32_t first_sequence_ = 0;
  bool parsed_ = false;  // no more can come of what follows
  bool some_session_ = false;
  bool gave_up_ = false;
  bool closed_ = false;
};

void Connection::count(const Decoded& packet, Direction direction, const source::Frame& frame) {
  Flow& flow = direction == Direction::FromOriginator ? facts_.record.originator : facts_.record.responder;
  ++flow.packets;
  flow.wire_bytes += frame.bytes.size();
  facts_.record.last = frame.ts;
  Stream& stream = streams_[static_cast<std::size_t>(direction)];
  const std::uint32_t length = packet.payload_length;
  if (packet.transport == Transport::Udp) flow.payload_bytes += length;
  if (packet.transport == Transport::Udp || length == 0) return;
  // Packets that were sent in another order do not overlap.
  const bool again = stream.begun && static_cast<std::int32_t>(packet.sequence - stream.next) < 0;
  const bool is_early = stream.early.contains(packet.sequence);
  if (!again && !is_early) flow.payload_bytes += length;
}

void Connection::take(const Decoded& packet, std::span<const std::uint8_t> payload, const source::Frame& frame,
                      When when, bool counting) {
  const Endpoint sender{{packet.src_ip, packet.version}, packet.src_port};
  const Direction direction = sender == story.tuple.originator ? Direction::FromOriginator : Direction::FromResponder;
  story.packets +=
      fmt::format("{}{}{}{}{}{} ", direction == Direction::FromOriginator ? '>' : '<',
                  (packet.flags & tcp_flag::syn) != 0 ? "S" : "", (packet.flags & tcp_flag::fin) != 0 ? "F" : "",
                  (packet.flags & tcp_flag::rst) != 0 ? "R" : "", payload.size(), fmt::format("@{}", when / 2));
  const bool first = story.moments.empty();
  if (first) {
    first_sequence_ = packet.sequence;
    facts_.headers = read_headers({frame.bytes, frame.bytes.size()}, parsers::packet::DecodeStatus::ok, packet);
  }
  count(packet, direction, frame);
  if (first || counting) tell(when);
  if (closed_) return;
  const parsers::Segment segment{payload, frame.ts, direction, 0, false};
  if (packet.transport == Transport::Udp) {
    if (!payload.empty()) feed(segment, when);
    return;
  }
  take_in_sequence(packet, payload, segment, when);
  note_end(packet, direction);
  if (closed_) close(when);
}

void Connection::take_in_sequence(const Decoded& packet, std::span<const std::uint8_t> payload,
                                  const parsers::Segment& segment, When when) {
  Stream& stream = streams_[static_cast<std::size_t>(segment.direction)];
  const bool syn = (packet.flags & tcp_flag::syn) != 0;
  if (!stream.begun && (syn || !payload.empty())) {
    stream.begun = true;
    stream.next = packet.sequence + (syn ? 1 : 0);
  }
  if (payload.empty()) return;
  if (static_cast<std::int32_t>(packet.sequence - stream.next) < 0) return;  // again
  stream.early.emplace(packet.sequence, std::vector<std::uint8_t>(payload.begin(), payload.end()));
  for (auto next = stream.early.find(stream.next); next != stream.early.end(); next = stream.early.find(stream.next)) {
    stream.next += static_cast<std::uint32_t>(next->second.size());
    parsers::Segment piece = segment;
    piece.bytes = next->second;
    feed(piece, when);
    stream.early.erase(next);
  }
}

void Connection::note_end(const Decoded& packet, Direction direction) {
  Stream& own = streams_[static_cast<std::size_t>(direction)];
  Stream& other = streams_[1 - static_cast<std::size_t>(direction)];
  if ((packet.flags & tcp_flag::rst) != 0) closed_ = true;
  if ((packet.flags & tcp_flag::fin) != 0) {
    own.fin = true;
    own.after_fin = packet.sequence + packet.payload_length + 1;
  }
  if (other.fin && (packet.flags & tcp_flag::ack) != 0 && packet.acknowledgement == other.after_fin)
    other.fin_acknowledged = true;
  if (own.fin_acknowledged && other.fin_acknowledged) closed_ = true;
}

// Sessions that were begun end with the streams; the connection itself does later.
void Connection::close(When when) {
  if (!parsed_ && facts_.identified) (void)report(layer7_->finish(), when);
  parsed_ = true;
}

void Connection::end(When when) {
  for (const Stream& stream : streams_) {
    if (!stream.early.empty() && !closed_) throw std::logic_error("something is missing: " + story.packets);
  }
  close(when);
  // A parser that gave up leaves unknown what it would have found.
  if (!some_session_ && !(gave_up_ && giving_up_tells_nothing)) facts_.sessions = Sessions::none;
  facts_.identified = facts_.over = true;
  tell(when);
}

void Connection::feed(const parsers::Segment& segment, When when) {
  if (parsed_) return;
  bool decided = layer7_->feed(segment, memory_);
  Status status = layer7_->status();
  while (true) {
    if (decided) {
      facts_.protocol = layer7_->protocol();
      facts_.identified = true;
      some_session_ = false;
      parsed_ = !parsers::registry()[facts_.protocol].has_sessions();
      tell(when);
      if (parsed_) return;
      status = layer7_->begin(memory_);
    }
    status = report(status, when);
    if (status != Status::other_protocol) return;
    decided = layer7_->begin_again(memory_);
    if (!decided) return;
  }
}

// The sessions that `status` and what follows it tell of.
Status Connection::report(Status status, When when) {
  while (true) {
    if (status == Status::session) {
      some_session_ = true;
      facts_.sessions = Sessions::one;
      facts_.session = copy_session(facts_.protocol, layer7_->session());
      tell(when);
      facts_.sessions = Sessions::unknown;
      facts_.session = nullptr;
    }
    if (status == Status::session || status == Status::session_data || status == Status::session_end) {
      status = layer7_->next();
    } else if (status == Status::gave_up) {
      gave_up_ = true;
      status = layer7_->finish();
      parsed_ = true;
    } else {
      if (status == Status::done) parsed_ = true;
      return status;
    }
  }
}

FiveTuple tuple_of(const Decoded& packet) {
  FiveTuple tuple;
  tuple.originator = {{packet.src_ip, packet.version}, packet.src_port};
  tuple.responder = {{packet.dst_ip, packet.version}, packet.dst_port};
  tuple.transport = packet.transport;
  return tuple;
}

// The same for both directions.
FiveTuple sorted(FiveTuple tuple) {
  if (tuple.responder < tuple.originator) std::swap(tuple.originator, tuple.responder);
  return tuple;
}

class Teller {
 public:
  void pause(Pause pause, When when) {
    for (auto each = live_.begin(); each != live_.end();) {
      const bool ends = pause == Pause::long_one || each->second->closed();
      if (ends) end(*each->second, when);
      each = ends ? live_.erase(each) : std::next(each);
    }
  }

  void packet(const source::Frame& frame, When when, bool counting) {
    Decoded packet;
    const parsers::packet::Frame whole{frame.bytes, frame.bytes.size()};
    if (parsers::packet::decode(whole, packet) != parsers::packet::DecodeStatus::ok) return;
    const FiveTuple tuple = tuple_of(packet);
    std::unique_ptr<Connection>& connection = live_[sorted(tuple)];
    if (connection != nullptr && connection->begins_anew(packet)) {
      end(*connection, when);
      connection = nullptr;
    }
    if (connection == nullptr) {
      // The responder answers a SYN that was not seen.
      const unsigned opening = packet.flags & (tcp_flag::syn | tcp_flag::ack);
      FiveTuple turned = tuple;
      if (opening == (tcp_flag::syn | tcp_flag::ack)) std::swap(turned.originator, turned.responder);
      const bool midstream = tuple.transport == Transport::Tcp && opening != tcp_flag::syn;
      connection = std::make_unique<Connection>(turned, frame.ts, midstream, when);
    }
    connection->take(packet, packet.payload(frame.bytes), frame, when, counting);
  }

  std::vector<Story> finish(When when) {
    pause(Pause::long_one, when);
    return std::move(told_);
  }

 private:
  void end(Connection& connection, When when) {
    connection.end(when);
    told_.push_back(std::move(connection.story));
  }

  std::map<FiveTuple, std::unique_ptr<Connection>> live_;
  std::vector<Story> told_;
};

std::string text_of(const Endpoint& end) {
  char text[INET6_ADDRSTRLEN] = {};
  const bool v4 = end.ip.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, end.ip.bytes.data() + (v4 ? 12 : 0), text, sizeof text);
  return fmt::format("{} {}", text, end.port);
}

// ---- events -----------------------------------------------------------------------------------------------------

// Whatever becomes known after the moment.
class Future {
 public:
  Future(const Meaning& meaning, const Story& story, const Universe& universe)
      : meaning_(meaning), story_(story), universe_(universe) {}

  // Whether the filter is true of what is known then, come what may. Of a connection, or of a session.
  [[nodiscard]] bool certain(const Moment& now, const SessionPtr& session) const {
    if (session != nullptr) return certain_with(now, session->protocol, Sessions::one, session);
    if (now.facts.identified) return certain_of(now, now.facts.protocol);
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
      facts.protocol = protocol;
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
  if (!subscription.row_number.empty())
    number = std::get<std::uint64_t>(value_of(session, subscription.row_number)->front());
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

std::vector<Story> stories_of(const Capture& capture, bool counting) {
  Teller teller;
  for (std::size_t i = 0; i < capture.frames.size(); ++i) {
    if (capture.pauses[i] != Pause::none) teller.pause(capture.pauses[i], in_pause_before(i));
    teller.packet(capture.frames[i], at_packet(i), counting);
  }
  return teller.finish(in_pause_before(capture.frames.size() + 1));
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
  return subscription.protocol == 0 ? events_of_connection(subscription, story, universe)
                                    : events_of_sessions(subscription, story, universe);
}

}  // namespace iris::oracle
