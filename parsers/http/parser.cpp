#include "parsers/http/parser.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "parsers/http/head.hpp"
#include "parsers/http/probe.hpp"

namespace iris::parsers::http {
namespace {

constexpr std::string_view simple_version = "0.9";

// Of a head that begins with a request line.
bool is_simple(std::string_view head) noexcept {
  const auto line = parse_request_line(http::take_line(head));
  return line && line->version.empty() && !line->target.empty();
}

}  // namespace

// Arenas run no destructors.
static_assert(std::is_trivially_destructible_v<Transaction>);

// ---- reports --------------------------------------------------------------------------------------------------------

Status HttpParser::parse(const Segment& segment) noexcept {
  if (over_) return Status::done;
  Side& side = sides_[static_cast<std::size_t>(segment.direction)];
  transactions_.want_data(segment.data_wanted);
  if (segment.gap != 0) skip(side, segment.gap);
  side.left = segment.bytes;
  return go_on();
}

Status HttpParser::next() noexcept { return go_on(); }

Status HttpParser::finish() noexcept {
  over_ = true;
  for (Side& side : sides_) {
    side.left = {};
    if (side.state == State::body && side.body.until_close()) end_message(side);
    cut_off_head(side);
  }
  tunnel_ = false;
  cut_off_all();
  return go_on();
}

void HttpParser::release(const void* session) noexcept {
  // Its address is the transaction's.
  transactions_.destroy(static_cast<Transaction*>(const_cast<void*>(session)));
}

std::span<const std::uint8_t> HttpParser::rest(Direction direction) const noexcept {
  const Side& side = sides_[static_cast<std::size_t>(direction)];
  if (side.size != 0) return {reinterpret_cast<const std::uint8_t*>(side.bytes), side.size};
  return side.left;
}

// Streams of HTTP/2 are independent of each other; otherwise those behind the oldest wait for it.
Transaction* HttpParser::reportable() const noexcept {
  for (Transaction* each = transactions_.first(); each != nullptr; each = each->next) {
    if (each->reported ? each->over() : each->ready()) return each;
    if (!is_http2_) break;
  }
  return nullptr;
}

// Reads until there is something to report.
Status HttpParser::go_on() noexcept {
  for (;;) {
    if (Transaction* transaction = transactions_.take_data(); transaction != nullptr) {
      current_ = transaction;
      return Status::session_data;
    }
    if (Transaction* transaction = reportable(); transaction != nullptr) {
      current_ = transaction;
      if (!transaction->reported) {
        transaction->reported = true;
        transactions_.number(*transaction);
        return Status::session;
      }
      transaction->session.layout.complete = transaction->request_done && transaction->response_done;
      transactions_.take(transaction);
      return Status::session_end;
    }
    if (tunnel_ && transactions_.first() == nullptr) {
      // rest() is one piece: what was held, or else what is left of the segment.
      for (Side& side : sides_) {
        if (side.size != 0 && !side.left.empty()) hold(side);
      }
      over_ = true;
      return Status::other_protocol;
    }
    if (over_) return Status::done;
    if (sides_[0].state == State::lost && sides_[1].state == State::lost) {
      over_ = true;
      cut_off_all();
      if (transactions_.first() == nullptr) return Status::gave_up;
      continue;
    }
    if (!read_more()) return Status::more;
  }
}

// False when there is nothing that could be read.
bool HttpParser::read_more() noexcept {
  for (Side& side : sides_) {
    if (side.left.empty()) continue;
    read(side);
    return true;
  }
  return false;
}

void HttpParser::cut_off_all() noexcept {
  for (Transaction* each = transactions_.first(); each != nullptr; each = each->next) each->cut_off = true;
  for (Side& side : sides_) side.transaction = nullptr;
}

// ---- one direction --------------------------------------------------------------------------------------------------

void HttpParser::read(Side& side) noexcept {
  switch (side.state) {
    case State::start:
      // No line begins so; a server of HTTP/2 may speak before its client.
      if (side.role == Role::unknown && other(side).role == Role::unknown && side.size == 0 && side.garbage == 0 &&
          may_be_settings_frame(side.left)) {
        side.state = State::held;
        return hold(side);
      }
      return read_lines(side);
    case State::head:
      return read_lines(side);
    case State::body:
      return read_body(side);
    case State::held:
      return hold(side);
    case State::http2:
      return read_http2(side);
    case State::lost:
      side.left = {};
  }
}

// Appends to what is kept. False when that would be too much.
bool HttpParser::append(Side& side, Bytes bytes, std::size_t most) noexcept {
  const std::size_t size = side.size + bytes.size();
  if (size > most) return false;
  if (size > side.room) {
    constexpr std::size_t usual = 1024;
    const std::size_t room = Recycler::room(std::max(usual, size));
    auto* grown = static_cast<char*>(recycler_.take(room));
    if (grown == nullptr) return false;
    if (side.size != 0) std::memcpy(grown, side.bytes, side.size);
    recycler_.give(side.bytes, side.room);
    side.bytes = grown;
    side.room = static_cast<std::uint32_t>(room);
  }
  if (!bytes.empty()) std::memcpy(side.bytes + side.size, bytes.data(), bytes.size());
  side.size = static_cast<std::uint32_t>(size);
  return true;
}

void HttpParser::drop_bytes(Side& side) noexcept {
  recycler_.give(side.bytes, side.room);
  side.bytes = nullptr;
  side.size = side.room = side.line = 0;
}

// Up to the end of a line.
void HttpParser::read_lines(Side& side) noexcept {
  const auto* end = static_cast<const std::uint8_t*>(std::memchr(side.left.data(), '\n', side.left.size()));
  const std::size_t length = end == nullptr ? side.left.size() : static_cast<std::size_t>(end - side.left.data()) + 1;
  const Bytes piece = side.left.first(length);
  side.left = side.left.subspan(length);
  if (!append(side, piece, max_head)) return lose(side, true);
  if (end != nullptr) return take_line(side);
  const bool line = side.state == State::head || may_be_status_line({side.bytes, side.size});
  if (!line && answers_simple_request(side)) begin_simple_response(side);
}

void HttpParser::take_line(Side& side) noexcept {
  if (side.state == State::start) return take_start_line(side);
  const std::string_view line(side.bytes + side.line, side.size - side.line);
  side.line = side.size;
  if (line == "\n" || line == "\r\n") take_head(side);
}

void HttpParser::take_start_line(Side& side) noexcept {
  std::string_view head(side.bytes, side.size);
  const std::string_view line = http::take_line(head);
  const bool request = side.role != Role::server && parse_request_line(line).has_value();
  const bool response = side.role != Role::client && !request && parse_status_line(line).has_value();
  if (!request && !response) {
    if (answers_simple_request(side)) return begin_simple_response(side);
    side.garbage += side.size;
    drop_bytes(side);
    if (side.garbage > max_garbage) lose(side, true);
    return;
  }
  side.role = request ? Role::client : Role::server;
  if (request && line.starts_with("PRI * HTTP/2")) {
    const std::size_t behind_the_line = http2_preface.size() - (http2_preface.find('\n') + 1);
    drop_bytes(side);
    return begin_http2(side, static_cast<std::uint32_t>(behind_the_line));
  }
  if (side.role == Role::client && other(side).role == Role::unknown && other(side).state == State::held) {
    resume(other(side));
  }
  side.garbage = 0;
  side.line = side.size;
  side.state = State::head;
}

// The i-th that lacks what this side sends, or a new one. nullptr when there is no memory.
Transaction* HttpParser::transaction_for(const Side& side) noexcept {
  for (Transaction* each = transactions_.first(); each != nullptr; each = each->next) {
    const bool has = side.role == Role::client ? each->has_request : each->has_response;
    if (!has && !each->cut_off) return each;
  }
  const bool one_sided = sides_[0].role == Role::unknown || sides_[1].role == Role::unknown;
  if (transactions_.count() >= (one_sided ? max_open_one_sided : max_open)) transactions_.first()->cut_off = true;
  Transaction* transaction = transactions_.add();
  if (transaction != nullptr) transactions_.number(*transaction);
  return transaction;
}

// RFC 9110, 15.2: it is no response.
bool HttpParser::is_interim(const Side& side) noexcept {
  if (side.role != Role::server) return false;
  std::string_view head(side.bytes, side.size);
  const auto line = parse_status_line(http::take_line(head));
  return !line || (line->status < 200 && line->status != 101);
}

void HttpParser::take_head(Side& side) noexcept {
  if (is_interim(side)) {
    drop_bytes(side);
    side.state = State::start;
    return;
  }
  side.transaction = transaction_for(side);
  if (side.transaction == nullptr) return lose(side, true);
  side.role == Role::client ? take_request(side) : take_response(side);
}

// Moves the head to the transaction. Its start line is left in front of the lines that follow.
std::span<const HttpHeader> HttpParser::read_headers(Side& side, Transaction& transaction) noexcept {
  const auto memory = transaction.memory.copy({side.bytes, side.size});
  drop_bytes(side);
  if (memory.data() == nullptr) return {};
  char* lines = const_cast<char*>(memory.data());  // it was just made
  const std::size_t start = memory.find('\n') + 1;
  std::array<HttpHeader, max_headers> found;
  const std::size_t count = parse_headers({lines + start, memory.size() - start}, found);
  if (count == max_headers) transaction.session.layout.headers_cut_off = true;
  auto* kept = static_cast<HttpHeader*>(transaction.memory.allocate(count * sizeof(HttpHeader), alignof(HttpHeader)));
  if (kept == nullptr) return {};
  std::copy_n(found.begin(), count, kept);
  return {kept, count};
}

// A head whose end does not come counts as far as it goes.
void HttpParser::cut_off_head(Side& side) noexcept {
  if (side.state != State::head) return;
  side.size = side.line;  // without a line that is not whole
  side.state = State::start;
  side.transaction = is_interim(side) ? nullptr : transaction_for(side);
  if (side.transaction == nullptr) return;
  side.transaction->session.layout.headers_cut_off = true;
  side.role == Role::client ? read_request_head(side) : read_response_head(side);
}

void HttpParser::read_request_head(Side& side) noexcept {
  Transaction& transaction = *side.transaction;
  HttpTransaction::Layout& layout = transaction.session.layout;
  {
    std::string_view head(side.bytes, side.size);
    const RequestLine line = parse_request_line(http::take_line(head)).value_or(RequestLine{});
    layout.method = transaction.memory.copy(line.method);
    layout.uri = transaction.memory.copy(line.target);
    const bool simple = line.version.empty() && !line.target.empty();
    layout.request_version = simple ? simple_version : transaction.memory.copy(line.version);
  }
  layout.request_headers = read_headers(side, transaction);
  name_request_headers(layout);
  if (layout.host.data() == nullptr) layout.host = layout.method == "CONNECT" ? layout.uri : authority_of(layout.uri);
  transaction.has_request = true;
}

void HttpParser::take_request(Side& side) noexcept {
  read_request_head(side);
  const Transaction& transaction = *side.transaction;
  const HttpTransaction::Layout& layout = transaction.session.layout;
  const bool connect = layout.method == "CONNECT";
  side.state = State::body;
  if (ends_in_chunked(layout.request_transfer_encoding)) {
    side.body.begin(Body::Framing::chunked, 0);
  } else {
    side.body.begin(Body::Framing::length, connect ? 0 : layout.request_content_length.value_or(0));
  }
  if (side.body.done()) end_message(side);
  const bool upgrade = find_header(layout.request_headers, "upgrade").data() != nullptr;
  if ((connect || upgrade) && side.state == State::start && !transaction.has_response) side.state = State::held;
}

void HttpParser::read_response_head(Side& side) noexcept {
  Transaction& transaction = *side.transaction;
  HttpTransaction::Layout& layout = transaction.session.layout;
  {
    std::string_view head(side.bytes, side.size);
    const StatusLine line = parse_status_line(http::take_line(head)).value_or(StatusLine{});
    layout.status = line.status;
    layout.reason = transaction.memory.copy(line.reason);
    layout.response_version = transaction.memory.copy(line.version);
  }
  layout.response_headers = read_headers(side, transaction);
  name_response_headers(layout);
  transaction.has_response = true;
}

void HttpParser::take_response(Side& side) noexcept {
  read_response_head(side);
  begin_response_body(side);
}

// What comes answers a request of HTTP/0.9 (RFC 1945, 4.1 and 5.1): a line without a version, and nothing behind it.
bool HttpParser::answers_simple_request(Side& side) noexcept {
  Side& client = other(side);
  if (side.role == Role::client || client.role != Role::client) return false;
  if (client.state == State::head && client.line == client.size && is_simple({client.bytes, client.size})) {
    take_head(client);
  }
  for (const Transaction* each = transactions_.first(); each != nullptr; each = each->next) {
    if (each->cut_off || each->has_response) continue;
    return each->has_request && each->session.layout.request_version == simple_version;
  }
  return false;
}

// What was taken for the beginning of a head is that of the body.
void HttpParser::begin_simple_response(Side& side) noexcept {
  side.role = Role::server;
  side.transaction = transaction_for(side);
  if (side.transaction == nullptr) return lose(side, true);
  side.transaction->has_response = true;
  side.state = State::body;
  side.body.begin(Body::Framing::until_close, 0);
  transactions_.add_data(*side.transaction, false, {reinterpret_cast<const std::uint8_t*>(side.bytes), side.size});
  drop_bytes(side);
}

// RFC 9112, 6.3.
void HttpParser::begin_response_body(Side& side) noexcept {
  const HttpTransaction::Layout& layout = side.transaction->session.layout;
  const std::uint16_t status = layout.status.value_or(0);
  const bool connected = layout.method == "CONNECT" && status / 100 == 2;
  const bool none = layout.method == "HEAD" || status < 200 || status == 204 || status == 304 || connected;
  const bool tunnel = connected || status == 101;
  if (status == 101 && equal_ignoring_case(find_header(layout.response_headers, "upgrade"), "h2c")) {
    return upgrade_to_http2(side);
  }
  side.state = State::body;
  if (none) {
    side.body.begin(Body::Framing::none, 0);
  } else if (ends_in_chunked(layout.response_transfer_encoding)) {
    side.body.begin(Body::Framing::chunked, 0);
  } else if (layout.response_content_length && layout.response_transfer_encoding.data() == nullptr) {
    side.body.begin(Body::Framing::length, *layout.response_content_length);
  } else {
    side.body.begin(Body::Framing::until_close, 0);
  }
  if (side.body.done()) end_message(side);
  if (tunnel) {
    tunnel_ = true;
    side.state = State::held;
    if (other(side).state == State::start && other(side).size == 0) other(side).state = State::held;
  } else if (other(side).state == State::held) {
    resume(other(side));
  }
}

void HttpParser::read_body(Side& side) noexcept {
  const Bytes run = side.body.read(side.left);
  if (side.transaction != nullptr) {
    transactions_.add_data(*side.transaction, side.role == Role::client, run);
  }
  if (side.body.broken()) return lose(side, false);
  if (side.body.done()) end_message(side);
}

void HttpParser::end_message(Side& side) noexcept {
  if (side.transaction != nullptr) {
    (side.role == Role::client ? side.transaction->request_done : side.transaction->response_done) = true;
  }
  side.transaction = nullptr;
  side.state = State::start;
}

// ---- HTTP/2 ---------------------------------------------------------------------------------------------------------

void HttpParser::begin_http2(Side& client, std::uint32_t preface_left) noexcept {
  is_http2_ = true;
  http2_.expect_preface(preface_left);
  Side& server = other(client);
  client.role = Role::client;
  server.role = Role::server;
  for (Side* side : {&client, &server}) {
    if (side->state == State::lost) continue;
    if (side->size != 0) resume(*side);  // a frame that was taken for a line, or was held
    side->state = State::http2;
    side->transaction = nullptr;
  }
}

// RFC 7540, 3.2: the request was stream 1, and its response comes there.
void HttpParser::upgrade_to_http2(Side& server) noexcept {
  Transaction& transaction = *server.transaction;
  transaction.stream = 1;
  transaction.has_response = false;
  HttpTransaction::Layout& layout = transaction.session.layout;
  layout.status.reset();
  layout.reason = {};
  layout.response_headers = {};
  begin_http2(other(server), http2_preface.size());
}

void HttpParser::read_http2(Side& side) noexcept {
  if (http2_.read(side.role == Role::client, std::exchange(side.left, {}))) return;
  for (Side& each : sides_) lose(each, true);
}

// ---- what follows a CONNECT -----------------------------------------------------------------------------------------

void HttpParser::hold(Side& side) noexcept {
  if (!append(side, std::exchange(side.left, {}), max_held)) lose(side, true);
}

// The response was no consent: what was held is HTTP.
void HttpParser::resume(Side& side) noexcept {
  side.state = State::start;
  if (side.size == 0) return;
  // Read anew as lines and bodies; the piece goes with the arena.
  side.left = {reinterpret_cast<const std::uint8_t*>(side.bytes), side.size};
  side.bytes = nullptr;
  side.size = side.room = side.line = 0;
}

// ---- what is missing ------------------------------------------------------------------------------------------------

void HttpParser::skip(Side& side, std::uint32_t missing) noexcept {
  if (side.state == State::lost || side.state == State::held) return;
  if (side.state == State::http2) {
    if (http2_.skip(side.role == Role::client, missing)) return;
    for (Side& each : sides_) lose(each, true);
    return;
  }
  const bool bridged = side.state == State::body && side.body.skip(missing);
  if (side.transaction != nullptr) {
    transactions_.add_missing(*side.transaction, side.role == Role::client, missing);
  }
  if (!bridged) return lose(side, false);
  if (side.body.done()) end_message(side);
}

// Where the message ends is unknown. Requests and responses cannot be told apart by their order any more: those that
// are open are cut off. Unless `for_good`, the next line that is a start line begins a new message.
void HttpParser::lose(Side& side, bool for_good) noexcept {
  cut_off_head(side);
  drop_bytes(side);
  side.state = for_good ? State::lost : State::start;
  for (Transaction* each = transactions_.first(); each != nullptr; each = each->next) {
    // A response that is being read is not touched by the loss of requests.
    const bool goes_on = side.role == Role::client && each->has_request && each == other(side).transaction;
    each->request_lost = true;
    if (!goes_on) each->cut_off = true;
  }
  side.transaction = nullptr;
  if (other(side).transaction != nullptr && other(side).transaction->cut_off) other(side).transaction = nullptr;
  if (other(side).state == State::held) resume(other(side));
}

Parser* create(Arena& arena, const FiveTuple& /*tuple*/) noexcept {
  void* memory = arena.allocate(sizeof(HttpParser), alignof(HttpParser));
  return memory == nullptr ? nullptr : new (memory) HttpParser(arena);
}

}  // namespace iris::parsers::http
