// What happens within one connection, and in which order. Of one packet: counters; L4FirstPacket; L4EndHshk; InL4Conn;
// then for each piece that is now in sequence InL4Stream, L7OnDisc, L7EndHdrs; L4Terminated. At each event callbacks
// that are active run first, then those whose filter the event made true, then authors' filters are asked, and those
// callbacks run whose filters their answers made true.
#include <algorithm>
#include <new>
#include <optional>

#include "daemon/conn/tracker.hpp"

namespace iris::conn {

using parsers::Status;

namespace {

// What Progress asks about the session at hand.
class AboutSession final : public SessionFilters {
 public:
  AboutSession(Verdicts& verdicts, const Connection& connection, const Occasion& occasion)
      : verdicts_(verdicts), connection_(connection), occasion_(occasion) {}

  [[nodiscard]] bool accepts(const parsers::Field& filter) noexcept override {
    return verdicts_.accepts(filter, connection_, occasion_);
  }

 private:
  Verdicts& verdicts_;
  const Connection& connection_;
  const Occasion& occasion_;
};

}  // namespace

void Tracker::store_frontier(Connection& connection) noexcept {
  connection.frontier.shrink(0);
  extend_frontier(connection);
}

void Tracker::extend_frontier(Connection& connection) noexcept {
  for (const plan::NodeId node : progress_.frontier()) {
    if (connection.frontier.push(node, blocks_)) continue;
    connection.record.degraded = true;
    return;
  }
}

// Whether a callback, or a filter that is undecided, refers to the session; to any, if it is nullptr.
bool Tracker::holds_session(const Connection& connection, const void* session) const noexcept {
  const bool pending = std::ranges::any_of(connection.pending(), [&](const Pending& each) {
    return each.session != nullptr && (session == nullptr || each.session == session);
  });
  if (pending) return true;
  return session == nullptr ? delivery_.holds_session(connection) : delivery_.holds_session(connection, session);
}

Wants Tracker::wants_of(const Connection& connection) const noexcept {
  Wants wants = delivery_.wants(connection);
  for (const plan::NodeId id : connection.frontier.view()) {
    const plan::Node& node = pipeline_->plan->nodes[id];
    wants.needs |= need::parse;
    if (node.awaits_end) wants.needs |= need::terminate;
    if (node.guards != nullptr) wants.needs |= need::watch;
    wants.observation |= node.observes;
  }
  for (const Pending& pending : connection.pending()) {
    const plan::Node& node = pipeline_->plan->nodes[pending.node];
    wants.needs |= need::watch | need::terminate;
    if (pending.session == nullptr && node.tells_sessions != 0 && !connection.sessions_over) wants.needs |= need::parse;
    wants.observation |= node.observes;
  }
  verdicts_.add_wants(connection, wants);
  if (connection.awaits_tunnel()) {
    wants.needs |= need::parse;
    wants.observation |= pipeline_->plan->nodes[plan::root].observes;
  }
  if (wants.observation.any()) wants.needs |= need::track;
  if (connection.wound_up) {
    // A frontier that only a protocol or a session could move waits for the end.
    if ((wants.needs & need::parse) != 0) wants.needs |= need::terminate;
    wants.needs &= static_cast<std::uint8_t>(~(need::stream | need::parse));
  }
  return wants;
}

// Takes stock after something changed: what nobody needs any more is given up at once.
void Tracker::settle(Record& record, Connection& connection) noexcept {
  if (!connection.verdicts().empty()) verdicts_.settle(connection);
  if (connection.undecided != nullptr && connection.undecided->empty()) connection.forget_undecided(blocks_);
  const Wants wants = wants_of(connection);
  record.needs = wants.needs;
  narrow(connection.observed, wants.observation, observer_memory());
  Content* content = content_of(connection);
  if (content == nullptr) return;
  const bool parsing = (record.needs & need::parse) != 0 || holds_session(connection, nullptr);
  const bool streaming = (record.needs & (need::parse | need::stream)) != 0;
  if (!streaming && !parsing) return drop_content(connection);
  if (!streaming) {
    for (Reassembler& stream : content->streams) stream.release({hold_pool_, content->held});
  }
  if (!parsing && content->layer7 != nullptr) {
    content->layer7 = nullptr;
    content->kept.clear(blocks_);
    content->arena.free_all();
  }
}

Content* Tracker::make_content(Connection& connection) noexcept {
  if (connection.content == no_index) {
    connection.content = contents_.allocate();
    if (connection.content == no_index) {
      connection.record.degraded = true;
      return nullptr;
    }
    new (contents_.at(connection.content)) Content(arena_blocks_);
  }
  return content_of(connection);
}

// `headers`: of the connection's first packet; nullptr: not known, because nobody of its age asks.
void Tracker::begin_progress(const Record& record, const Connection& connection,
                             const parsers::packet::Headers* headers) noexcept {
  if (headers == nullptr) headers = &parsers::packet::no_headers;
  const Truths truths = evaluator_.of_tuple({.subject = &connection.record, .headers = headers});
  const Doing doing(meter_, Work::plan);
  progress_.on_tuple(truths, standing(record, connection));
}

// The connection's first packet.
void Tracker::open(Visit& visit) noexcept {
  Connection& connection = visit.connection;
  connection.record.midstream = (visit.record.flags & record_flag::midstream) != 0;
  std::optional<parsers::packet::Headers> headers;
  if (pipeline_->needs_headers) headers = headers_of(visit.arrival);
  begin_progress(visit.record, connection, headers ? &*headers : nullptr);
  store_frontier(connection);
  keep_pending(connection, {});
  const bool answered = verdicts_.begin(connection, visit.pdu.ts);
  connection.observed.wanted = wants_of(connection).observation;
  connection.observed.wanted |= delivery_.observation(progress_.matches());
  observe(connection, {visit.pdu, visit.arrival, visit.tcp, visit.record.sequences, true}, observer_memory());
  const Occasion occasion{.event = Event::L4FirstPacket, .ts = visit.pdu.ts, .pdu = &visit.pdu};
  delivery_.matched(connection, progress_.matches(), occasion);
  ask(visit.record, connection, occasion, answered);
  settle(visit.record, connection);
  // Behind a CONNECT, progress begins anew.
  if (headers && (visit.record.needs & need::parse) != 0) keep_headers(connection.observed, *headers, blocks_);
  const bool undecidable = protocols_over(visit.pdu.transport) == 0;
  if (undecidable && (visit.record.needs & need::parse) != 0) {
    decide_protocol(visit.record, connection, 0, visit.pdu.ts);
  }
}

void Tracker::drive(Visit& visit, bool opened, bool handshake_completed) noexcept {
  Record& record = visit.record;
  Connection& connection = visit.connection;
  if (!opened && (record.needs & need::track) != 0) {
    observe(connection, {visit.pdu, visit.arrival, visit.tcp, record.sequences, false}, observer_memory());
  }
  connection.record.last = visit.pdu.ts;
  if (opened) open(visit);
  if (handshake_completed && (record.needs & need::handshake) != 0) {
    happen(record, connection, {.event = Event::L4EndHshk, .ts = visit.pdu.ts, .pdu = &visit.pdu});
  }
  // Counting alone changes nothing.
  bool changed = opened || handshake_completed || (record.needs & ~(need::track | need::terminate | need::watch)) != 0;
  if ((record.needs & need::update) != 0) {
    happen(record, connection, {.event = Event::InL4Conn, .ts = visit.pdu.ts, .pdu = &visit.pdu});
  }
  if ((record.needs & need::watch) != 0 &&
      watch(record, connection, {.event = Event::InL4Conn, .ts = visit.pdu.ts, .pdu = &visit.pdu})) {
    changed = true;
    record.needs = wants_of(connection).needs;
  }
  if ((record.needs & (need::stream | need::parse)) != 0) reassemble(visit);
  if (changed) settle(record, connection);
}

void Tracker::reassemble(Visit& visit) noexcept {
  if (visit.pdu.transport == Transport::Udp) {
    if (!visit.pdu.payload.empty()) (void)take_piece(visit.record, visit.connection, visit.pdu);
    return;
  }
  Content* content = make_content(visit.connection);
  if (content == nullptr) return;
  Reassembler& stream = content->streams[static_cast<std::size_t>(visit.pdu.direction)];
  const auto cut = static_cast<std::uint32_t>(visit.arrival.decoded.wire_payload_length - visit.pdu.payload.size());
  const std::uint64_t refused = hold_pool_.use().refused;
  const Doing doing(meter_, Work::reassembly);
  stream.push({hold_pool_, content->held}, TcpSegment{visit.pdu, cut, visit.arrival.packet},
              [&](const L4Pdu& piece) { return take_piece(visit.record, visit.connection, piece); });
  if (hold_pool_.use().refused != refused) visit.connection.record.degraded = true;
  if (stream.waiting()) note_waiting(visit.record, visit.connection);
}

// A stream waits for missing bytes: the connection is looked at when it has waited long enough.
void Tracker::note_waiting(Record& record, Connection& connection) noexcept {
  if ((record.flags & record_flag::holding) != 0) return;
  const std::optional<Tick> deadline = gap_deadline(connection);
  if (!deadline) return;
  record.flags |= record_flag::holding;
  wheel_.schedule(table_.index_of(record), record.timer, *deadline);
}

// Of a stream that waits.
Timestamp Tracker::deadline_of(const Reassembler& stream) const noexcept {
  return stream.deadline(hold_pool_).value_or(Timestamp{});
}

// The tick at which the first of the gaps that are not declared yet is due; none where nothing waits.
std::optional<Tick> Tracker::gap_deadline(Connection& connection) noexcept {
  Content* content = content_of(connection);
  const Reassembler* stream = content != nullptr ? longest_waiting(*content) : nullptr;
  if (stream == nullptr) return std::nullopt;
  return static_cast<Tick>(clock_.ticks_at(deadline_of(*stream)) + 1);
}

Reassembler* Tracker::longest_waiting(Content& content) const noexcept {
  Reassembler* first = nullptr;
  for (Reassembler& stream : content.streams) {
    if (!stream.waiting()) continue;
    if (first == nullptr || deadline_of(stream) < deadline_of(*first)) first = &stream;
  }
  return first;
}

// What was missing for too long at `now` is given up: in the order in which it was due, so that it makes no difference
// whether a timer or a packet notices.
void Tracker::declare_gaps(Record& record, Timestamp now) noexcept {
  Connection& connection = *connection_of(record);
  if (Content* content = content_of(connection)) {
    while (Reassembler* stream = longest_waiting(*content)) {
      const Timestamp due = deadline_of(*stream);
      if (now < due) break;
      stream->expire({hold_pool_, content->held}, due,
                     [&](const L4Pdu& piece) { return take_piece(record, connection, piece); });
    }
  }
  settle(record, connection);
}

// Returns whether more of the stream is wanted.
bool Tracker::take_piece(Record& record, Connection& connection, const L4Pdu& piece) noexcept {
  if (piece.inconsistent != 0) [[unlikely]] {
    counters_.inconsistent_bytes.add(piece.inconsistent);
    if (connection.observed.meter != nullptr) {
      connection.observed.meter->note_inconsistent(piece.direction, piece.inconsistent);
    }
  }
  if ((record.needs & need::stream) != 0) {
    happen(record, connection, {.event = Event::InL4Stream, .ts = piece.ts, .pdu = &piece});
  }
  if ((record.needs & need::parse) != 0) {
    if (Content* content = make_content(connection)) parse(record, connection, *content, piece);
  }
  record.needs = wants_of(connection).needs;
  return (record.needs & (need::stream | need::parse)) != 0;
}

void Tracker::parse(Record& record, Connection& connection, Content& content, const L4Pdu& piece) noexcept {
  if (connection.sessions_over) return;
  if (content.layer7 == nullptr) {
    void* memory = content.arena.allocate(sizeof(Layer7), alignof(Layer7));
    if (memory == nullptr) {
      connection.record.degraded = true;
      return;
    }
    content.layer7 = new (memory) Layer7(protocols_over(piece.transport), connection.record.tuple);
  }
  Layer7& layer7 = *content.layer7;
  const Doing doing(meter_, Work::parsers, &meter_.parser(layer7.protocol()));
  bool identified =
      layer7.feed({piece.payload, piece.ts, piece.direction, piece.gap, pipeline_->session_data_wanted}, content.arena);
  Status status = layer7.status();
  for (;;) {
    if (identified) {
      if (connection.protocol_decided && layer7.protocol() == 0) {  // what the tunnel carries is none of ours
        connection.sessions_over = true;
        connection.frontier.shrink(0);
        return;
      }
      decide_protocol(record, connection, layer7, piece.ts);
      // Who wanted this to be another protocol wants nothing any more.
      if (connection.sessions_over || (record.needs & need::parse) == 0) return;
      if (meter_.is_on()) meter_.charge_to(&meter_.parser(layer7.protocol()));
      status = layer7.begin(content.arena);
    }
    status = take_sessions(record, connection, status, piece.ts);
    if (status != Status::other_protocol) return;
    if (meter_.is_on()) meter_.charge_to(&meter_.parser(0));
    identified = layer7.begin_again(content.arena);
    if (!identified) return;
  }
}

void Tracker::decide_protocol(Record& record, Connection& connection, const Layer7& layer7, Timestamp ts) noexcept {
  // Behind a CONNECT the second protocol is decided as the first was, from the beginning.
  if (connection.protocol_decided) {
    // Streaming predicates of the tuple alone are pending, or were decided.
    begin_progress(record, connection, connection.observed.headers);
    store_frontier(connection);
    connection.sessions = false;
  }
  connection.tunnels = layer7.may_tunnel();
  connection.tunnelled |= connection.tunnels;
  decide_protocol(record, connection, layer7.protocol(), ts);
}

void Tracker::decide_protocol(Record& record, Connection& connection, std::uint32_t protocol, Timestamp ts) noexcept {
  const Doing rest(meter_, Work::connections);
  connection.protocol_decided = true;
  connection.protocol = static_cast<std::uint16_t>(protocol);
  connection.sessions_over = !parsers::registry()[protocol].has_sessions();
  const Truths truths = evaluator_.of_protocol({.subject = &connection.record, .protocol = protocol});
  {
    const Doing doing(meter_, Work::plan);
    progress_.on_protocol(truths, protocol, standing(record, connection));
  }
  store_frontier(connection);
  keep_pending(connection, {.protocol = connection.protocol});
  const Occasion occasion{.event = Event::L7OnDisc, .ts = ts};
  delivery_.fire(connection, occasion);
  delivery_.matched(connection, progress_.matches(), occasion);
  ask(record, connection, occasion, verdicts_.note_protocol(connection));
  if (connection.sessions_over) connection.frontier.shrink(0);
  record.needs = wants_of(connection).needs;
}

void Tracker::begin_session(Record& record, Connection& connection, const Occasion& occasion) noexcept {
  const Doing rest(meter_, Work::connections);
  connection.sessions = true;
  const Truths truths = evaluator_.of_session(
      {.subject = &connection.record, .session = occasion.session, .protocol = connection.protocol});
  const bool answered = verdicts_.note_session(connection, truths.ids);
  {
    const Doing doing(meter_, Work::plan);
    AboutSession about(verdicts_, connection, occasion);
    Standing here = standing(record, connection);
    here.session_filters = &about;
    progress_.on_session(truths, connection.protocol, here);
  }
  keep_pending_session(connection, occasion.session);
  keep_pending(connection, {.protocol = connection.protocol, .session = occasion.session});
  delivery_.fire(connection, occasion);
  delivery_.matched(connection, progress_.matches(), occasion);
  ask(record, connection, occasion, answered);
}

// Its memory goes back to the parser once nobody refers to it.
void Tracker::end_session(Record& record, Connection& connection, const Occasion& occasion) noexcept {
  const Doing rest(meter_, Work::connections);
  Content& content = *content_of(connection);
  happen(record, connection, occasion);
  delivery_.session_over(connection, occasion);
  const auto release = [&](const void* session) {
    if (holds_session(connection, session)) return false;
    content.layer7->release(session);
    return true;
  };
  content.kept.erase_if(release);
  if (!release(occasion.session)) (void)content.kept.push(occasion.session, blocks_);
}

// Reports what `status` tells of and all that follows. Returns the status that comes then: more, other_protocol or
// done.
Status Tracker::take_sessions(Record& record, Connection& connection, Status status, Timestamp ts) noexcept {
  Content& content = *content_of(connection);
  Layer7& layer7 = *content.layer7;
  const auto report = [&] {
    for (;; status = layer7.next()) {
      Occasion occasion{.event = Event::L7EndHdrs, .ts = ts, .session = layer7.session()};
      if (status == Status::session) {
        begin_session(record, connection, occasion);
      } else if (status == Status::session_data) {
        occasion.event = Event::L7InSession;
        occasion.data = layer7.data();
        happen(record, connection, occasion);
      } else if (status == Status::session_end) {
        occasion.event = Event::L7EndSession;
        end_session(record, connection, occasion);
      } else {
        return;
      }
    }
  };
  report();
  const bool gave_up = status == Status::gave_up;
  if (gave_up) {
    status = layer7.finish();
    report();
  }
  if (status == Status::more || status == Status::other_protocol) return status;
  // No session will come: what waits for one waits in vain, and where there was none, for the end. A parser that gave
  // up leaves it unknown, so neither a predicate on a session nor its negation holds.
  connection.sessions_over = true;
  if (gave_up) Verdicts::lose_sessions(connection);
  if (gave_up || connection.sessions) connection.frontier.shrink(0);
  return Status::done;
}

// Both ends are done with their streams, or nothing will come any more: what waits for missing bytes waits in vain.
void Tracker::wind_up(Record& record, Connection& connection, Timestamp when) noexcept {
  if (connection.wound_up) return;
  if (Content* content = content_of(connection); content != nullptr) {
    if ((record.needs & (need::stream | need::parse)) != 0) {
      for (Reassembler& stream : content->streams) {
        stream.flush({hold_pool_, content->held}, when,
                     [&](const L4Pdu& piece) { return take_piece(record, connection, piece); });
      }
    }
    const bool parsing = content->layer7 != nullptr && connection.protocol_decided && !connection.sessions_over;
    if ((record.needs & need::parse) != 0 && parsing) {
      const Doing doing(meter_, Work::parsers, &meter_.parser(connection.protocol));
      (void)take_sessions(record, connection, content->layer7->finish(), when);
    }
  }
  connection.wound_up = true;
  settle(record, connection);
}

void Tracker::close(Record& record, Connection& connection, EndReason reason, Timestamp when) noexcept {
  connection.record.end = reason;
  note_gaps(connection);
  wind_up(record, connection, when);
  delivery_.end(connection, when);
  const Occasion occasion{.event = Event::L4Terminated, .ts = when};
  (void)verdicts_.ask(connection, occasion);
  (void)watch(record, connection, occasion);
  progress_.on_end({connection.protocol_decided, connection.protocol, connection.sessions},
                   standing(record, connection));
  delivery_.matched(connection, progress_.matches(), occasion);
  verdicts_.end(connection, when);
}

// To the current pipeline, from whatever older one: progress only shrinks, and nothing is evaluated again.
void Tracker::adopt(Record& record, Connection& connection, Timestamp now) noexcept {
  connection.frontier.erase_if([&](plan::NodeId node) { return !progress_.survives(node, record.birth); });
  if (Undecided* undecided = connection.undecided) {
    undecided->pending.erase_if([&](const Pending& each) { return !progress_.survives(each.node, record.birth); });
    forget_told(*undecided);
  }
  verdicts_.adopt(connection, now);
  delivery_.adopt(connection, now);
  settle(record, connection);
}

}  // namespace iris::conn
