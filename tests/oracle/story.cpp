#include "tests/oracle/story.hpp"

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

  void take(const Decoded& packet, std::span<const std::uint8_t> payload, const source::Frame& frame, When when);
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
  count(packet, direction, frame);
  tell(when);
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
    for (auto each = live_.begin(); each != live_.end();) {
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
    }
    connection->take(packet, packet.payload(frame.bytes), frame, when);
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
