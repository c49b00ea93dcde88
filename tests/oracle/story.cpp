#include "tests/oracle/story.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

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

// One direction of a TCP connection, byte for byte.
class Stream {
 public:
  struct Piece {
    std::vector<std::uint8_t> bytes;
    std::uint32_t gap = 0;  // before them
  };

  // The first segment is where it begins. Returns how many of the bytes were not seen before.
  std::size_t take(const Decoded& packet, std::span<const std::uint8_t> payload, Timestamp ts) {
    if ((packet.flags & tcp_flag::rst) != 0) return 0;
    const bool syn = (packet.flags & tcp_flag::syn) != 0;
    const std::uint32_t sequence = packet.sequence + (syn ? 1 : 0);
    if (!begun_) {
      begun_ = true;
      guessed_ = !syn;
      first_ = sequence;
    }
    if (!payload.empty()) move_beginning(sequence);
    std::size_t fresh = 0;
    for (std::size_t i = 0; i < payload.size(); ++i) {
      const auto at = static_cast<std::int32_t>(sequence + static_cast<std::uint32_t>(i) - first_);
      // Too late for the stream; behind a SYN there is nothing.
      if (at < 0 && guessed_) fresh += before_.insert(at).second ? 1 : 0;
      if (at < 0 || (fin_ && static_cast<std::size_t>(at) >= *fin_)) continue;
      bytes_.resize(std::max(bytes_.size(), static_cast<std::size_t>(at) + 1));
      Byte& byte = bytes_[static_cast<std::size_t>(at)];
      if (byte.seen) continue;
      byte = {true, payload[i], ts};
      ++fresh;
    }
    if ((packet.flags & tcp_flag::fin) != 0 && begun_ && !fin_) {
      fin_ = sequence + payload.size() - first_;
      fin_since_ = ts;
    }
    return fresh;
  }

  // What follows without anything missing; nothing, if nothing does.
  [[nodiscard]] std::optional<Piece> next() {
    Piece piece;
    for (; told_ < bytes_.size() && bytes_[told_].seen; ++told_) piece.bytes.push_back(bytes_[told_].value);
    piece.gap = static_cast<std::uint32_t>(std::exchange(skipped_, 0));
    if (piece.bytes.empty() && piece.gap == 0) return std::nullopt;
    return piece;
  }
  // Since when something waits for what is missing: bytes, or the FIN.
  [[nodiscard]] std::optional<Timestamp> waits_since() const {
    std::optional<Timestamp> since;
    if (fin_ && told_ < *fin_) since = fin_since_;
    for (std::size_t at = told_; at < bytes_.size(); ++at) {
      if (bytes_[at].seen && (!since || bytes_[at].ts < *since)) since = bytes_[at].ts;
    }
    return since;
  }
  // On to what is there: what lies before is missed.
  void pass_over() {
    std::size_t to = told_;
    while (to < bytes_.size() && !bytes_[to].seen) ++to;
    if (to == bytes_.size() && fin_) to = *fin_;
    skipped_ += to - told_;
    told_ = to;
  }

 private:
  // It was a guess: what was sent before counts, as long as nothing was told; or one byte less, if that was a
  // keep-alive.
  void move_beginning(std::uint32_t sequence) {
    const auto at = static_cast<std::int32_t>(sequence - first_);
    if (!guessed_ || told_ != 0) return;
    if (at < 0) {
      bytes_.insert(bytes_.begin(), static_cast<std::size_t>(-at), Byte{});
      if (fin_) *fin_ += static_cast<std::size_t>(-at);
      first_ = sequence;
    } else if (at == 1 && bytes_.empty()) {
      first_ = sequence;
    }
  }

  struct Byte {
    bool seen = false;
    std::uint8_t value = 0;
    Timestamp ts;
  };

  bool begun_ = false;
  bool guessed_ = false;     // without a SYN
  std::uint32_t first_ = 0;  // sequence number of the first byte
  std::vector<Byte> bytes_;
  std::set<std::int32_t> before_;   // relative to the first
  std::size_t told_ = 0;            // so many of them
  std::size_t skipped_ = 0;         // and so many of these before what comes next
  std::optional<std::size_t> fin_;  // behind so many bytes
  Timestamp fin_since_;
};

// Whose FIN was seen, and acknowledged.
struct Farewell {
  bool sent = false;
  std::uint32_t after = 0;
  bool acknowledged = false;
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

  void take(const Decoded& packet, std::span<const std::uint8_t> payload, const source::Frame& frame, When when);
  // Nothing came for a while: what is missing is given up.
  void pause(When when);
  // Nothing will come any more.
  void end(When when);

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool begins_anew(const Decoded& packet) const {
    return closed_ && (packet.flags & tcp_flag::syn) != 0 && packet.sequence != first_sequence_;
  }
  Story story;

 private:
  void tell(When when) { story.moments.push_back({when, facts_}); }
  void count(const Decoded& packet, Direction direction, const source::Frame& frame, std::size_t fresh);
  void go_on(Direction direction, Timestamp ts, When when);
  void note_end(const Decoded& packet, Direction direction);
  void close(When when);
  void feed(const parsers::Segment& segment, When when);
  [[nodiscard]] Status report(Status status, When when);

  Facts facts_;
  Heap memory_;
  std::unique_ptr<conn::Layer7> layer7_;
  std::array<Stream, 2> streams_;
  std::array<Farewell, 2> farewells_;
  std::uint32_t first_sequence_ = 0;
  bool parsed_ = false;  // no more can come of what follows
  bool some_session_ = false;
  bool gave_up_ = false;
  bool closed_ = false;
};

void Connection::count(const Decoded& packet, Direction direction, const source::Frame& frame, std::size_t fresh) {
  Flow& flow = direction == Direction::FromOriginator ? facts_.record.originator : facts_.record.responder;
  ++flow.packets;
  flow.wire_bytes += frame.bytes.size();
  flow.payload_bytes += packet.transport == Transport::Udp ? packet.payload_length : fresh;
  facts_.record.last = frame.ts;
}

void Connection::take(const Decoded& packet, std::span<const std::uint8_t> payload, const source::Frame& frame,
                      When when) {
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
  const bool tcp = packet.transport == Transport::Tcp;
  const std::size_t fresh = tcp ? streams_[static_cast<std::size_t>(direction)].take(packet, payload, frame.ts) : 0;
  count(packet, direction, frame, fresh);
  tell(when);
  if (closed_) return;
  if (!tcp) {
    if (!payload.empty()) feed({payload, frame.ts, direction, 0, false}, when);
    return;
  }
  go_on(direction, frame.ts, when);
  note_end(packet, direction);
  if (closed_) close(when);
}

// With what of the stream follows now.
void Connection::go_on(Direction direction, Timestamp ts, When when) {
  if (const auto piece = streams_[static_cast<std::size_t>(direction)].next())
    feed({piece->bytes, ts, direction, piece->gap, false}, when);
}

void Connection::note_end(const Decoded& packet, Direction direction) {
  Farewell& own = farewells_[static_cast<std::size_t>(direction)];
  Farewell& other = farewells_[1 - static_cast<std::size_t>(direction)];
  if ((packet.flags & tcp_flag::rst) != 0) closed_ = true;
  if ((packet.flags & tcp_flag::fin) != 0) own = {true, packet.sequence + packet.payload_length + 1, own.acknowledged};
  if (other.sent && (packet.flags & tcp_flag::ack) != 0 && packet.acknowledgement == other.after)
    other.acknowledged = true;
  if (own.acknowledged && other.acknowledged) closed_ = true;
}

// What waited longest goes on first.
void Connection::pause(When when) {
  if (closed_) return;
  while (true) {
    const auto one = streams_[0].waits_since();
    const auto other = streams_[1].waits_since();
    if (!one && !other) return;
    const bool first = one && (!other || *one <= *other);
    const Direction direction = first ? Direction::FromOriginator : Direction::FromResponder;
    streams_[static_cast<std::size_t>(direction)].pass_over();
    go_on(direction, facts_.record.last, when);
  }
}

// Streams end, one behind the other, and sessions with them; the connection itself does later.
void Connection::close(When when) {
  for (const Direction direction : {Direction::FromOriginator, Direction::FromResponder}) {
    Stream& stream = streams_[static_cast<std::size_t>(direction)];
    while (!parsed_ && stream.waits_since()) {
      stream.pass_over();
      go_on(direction, facts_.record.last, when);
    }
  }
  if (!parsed_ && facts_.identified) (void)report(layer7_->finish(), when);
  parsed_ = true;
}

void Connection::end(When when) {
  close(when);
  // A parser that gave up leaves unknown what it would have found.
  if (!some_session_ && !gave_up_) facts_.sessions = Sessions::none;
  facts_.identified = facts_.over = true;
  facts_.lost = gave_up_;
  tell(when);
}

void Connection::feed(const parsers::Segment& segment, When when) {
  if (parsed_) return;
  bool decided = layer7_->feed(segment, memory_);
  Status status = layer7_->status();
  while (true) {
    if (decided && facts_.identified && layer7_->protocol() == 0) {
      parsed_ = true;  // what the tunnel carries is none of ours: it stays what it was
      return;
    }
    if (decided) {
      facts_.protocol = facts_.latest = layer7_->protocol();
      facts_.tunnels = layer7_->may_tunnel();
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
      facts_.past.push_back(facts_.session);
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
    if (pause == Pause::long_one) behind_pause_ = when + 1;
    for (auto each = live_.begin(); each != live_.end();) {
      each->second->pause(when);
      const bool ends = pause == Pause::long_one || each->second->closed();
      if (ends) end(*each->second, when);
      each = ends ? live_.erase(each) : std::next(each);
    }
  }

  void packet(const source::Frame& frame, When when) {
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
      connection->story.may_have_begun = midstream ? behind_pause_ : when;
    }
    connection->take(packet, packet.payload(frame.bytes), frame, when);
  }

  std::vector<Story> finish(When when) {
    for (const auto& [tuple, connection] : live_) end(*connection, when);
    return std::move(told_);
  }

 private:
  void end(Connection& connection, When when) {
    connection.end(when);
    told_.push_back(std::move(connection.story));
  }

  std::map<FiveTuple, std::unique_ptr<Connection>> live_;
  When behind_pause_ = at_packet(0);  // the first packet behind the last long one
  std::vector<Story> told_;
};

}  // namespace

std::vector<Story> stories_of(const Capture& capture) {
  Teller teller;
  for (std::size_t i = 0; i < capture.frames.size(); ++i) {
    if (capture.pauses[i] != Pause::none) teller.pause(capture.pauses[i], in_pause_before(i));
    teller.packet(capture.frames[i], at_packet(i));
  }
  return teller.finish(in_pause_before(capture.frames.size() + 1));
}

}  // namespace iris::oracle
