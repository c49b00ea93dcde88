#include "parsers/dns/parser.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "parsers/bytes.hpp"

namespace iris::parsers::dns {

// Arenas run no destructors.
static_assert(std::is_trivially_destructible_v<DnsTransaction> && std::is_trivially_destructible_v<SessionMemory>);

namespace {

constexpr Duration answer_patience{10'000'000'000};
constexpr Duration query_patience{1'000'000'000};

constexpr std::uint16_t port_mdns = 5353;
constexpr std::uint16_t port_llmnr = 5355;

DnsKind kind_of(const FiveTuple& tuple) noexcept {
  const auto has = [&](std::uint16_t port) { return tuple.originator.port == port || tuple.responder.port == port; };
  return has(port_mdns) ? DnsKind::mdns : has(port_llmnr) ? DnsKind::llmnr : DnsKind::dns;
}

}  // namespace

void DnsParser::Queue::push(Transaction* transaction) noexcept {
  transaction->next = nullptr;
  *last = transaction;
  last = &transaction->next;
}

DnsParser::Transaction* DnsParser::Queue::take(Transaction** link) noexcept {
  Transaction* taken = *link;
  *link = taken->next;
  if (last == &taken->next) last = link;
  taken->next = nullptr;
  return taken;
}

DnsParser::Transaction* DnsParser::Queue::pop() noexcept { return first == nullptr ? nullptr : take(&first); }

DnsParser::DnsParser(Arena& arena, const FiveTuple& tuple) noexcept
    : recycler_(arena), kind_(kind_of(tuple)), framed_(tuple.transport == Transport::Tcp) {}

Status DnsParser::parse(const Segment& segment) noexcept {
  if (over_) return Status::done;
  segment_ = segment;
  give_up_before(segment.ts);
  if (segment.gap != 0) {
    // Where the next message begins is not to be found.
    streams_[static_cast<std::size_t>(segment.direction)].lost = true;
    if (streams_[0].lost && streams_[1].lost) {
      over_ = true;
      return Status::gave_up;
    }
  }
  return go_on();
}

Status DnsParser::next() noexcept {
  if (!ended_) {
    ended_ = true;
    return Status::session_end;
  }
  return go_on();
}

Status DnsParser::finish() noexcept {
  over_ = true;
  segment_.bytes = {};
  while (Transaction* transaction = waiting_.pop()) decided_.push(transaction);
  waiting_count_ = 0;
  const Status status = go_on();
  return status == Status::more ? Status::done : status;
}

// Reads messages until something is decided.
Status DnsParser::go_on() noexcept {
  for (;;) {
    if (Transaction* transaction = decided_.pop()) {
      current_ = transaction;
      ended_ = false;
      return Status::session;
    }
    if (segment_.bytes.empty()) return over_ ? Status::done : Status::more;
    if (framed_) {
      read_stream();
    } else {
      take_message(std::exchange(segment_.bytes, {}));
    }
  }
}

// ---- TCP ------------------------------------------------------------------------------------------------------------

// The next message of the stream, if it is complete.
void DnsParser::read_stream() noexcept {
  Stream& stream = streams_[static_cast<std::size_t>(segment_.direction)];
  auto& bytes = segment_.bytes;
  if (stream.lost) {
    bytes = {};
    return;
  }
  while (stream.length_size < 2 && !bytes.empty()) {
    stream.length[stream.length_size++] = bytes.front();
    bytes = bytes.subspan(1);
  }
  if (stream.length_size < 2) return;
  stream.needed = load16(stream.length.data());
  Message message;
  if (!complete_message(message)) return;
  take_message(message);
  recycler_.give(stream.bytes, stream.needed);
  stream = {.lost = stream.lost};
}

bool DnsParser::complete_message(Message& message) noexcept {
  Stream& stream = streams_[static_cast<std::size_t>(segment_.direction)];
  auto& bytes = segment_.bytes;
  if (stream.bytes == nullptr && bytes.size() >= stream.needed) {
    message = bytes.first(stream.needed);
    bytes = bytes.subspan(stream.needed);
    return true;
  }
  if (stream.bytes == nullptr) stream.bytes = static_cast<std::uint8_t*>(recycler_.take(stream.needed));
  if (stream.bytes == nullptr) {
    stream.lost = true;
    bytes = {};
    return false;
  }
  const std::size_t taken = std::min<std::size_t>(stream.needed - stream.size, bytes.size());
  if (taken != 0) std::memcpy(stream.bytes + stream.size, bytes.data(), taken);
  stream.size += static_cast<std::uint32_t>(taken);
  bytes = bytes.subspan(taken);
  message = {stream.bytes, stream.size};
  return stream.size == stream.needed;
}

// ---- transactions ---------------------------------------------------------------------------------------------------

void DnsParser::take_message(Message message) noexcept {
  Transaction* transaction = create(message);
  if (transaction == nullptr) return;
  transaction->ts = segment_.ts;
  transaction->direction = segment_.direction;
  if (kind_ == DnsKind::mdns) return decided_.push(transaction);
  transaction->session.layout.answered ? take_answer(transaction) : take_query(transaction);
}

// nullptr: no DNS, or no memory.
DnsParser::Transaction* DnsParser::create(Message message) noexcept {
  void* memory = recycler_.take(sizeof(Transaction));
  if (memory == nullptr) return nullptr;
  auto* transaction = new (memory) Transaction(recycler_);
  if (parse_message(message, kind_, transaction->memory, transaction->session.layout) == MessageStatus::ok) {
    return transaction;
  }
  destroy(transaction);
  return nullptr;
}

void DnsParser::destroy(Transaction* transaction) noexcept {
  transaction->memory.clear();
  recycler_.give(transaction, sizeof(Transaction));
}

void DnsParser::release(const void* session) noexcept {
  // Its address is the transaction's.
  destroy(static_cast<Transaction*>(const_cast<void*>(session)));
}

// The oldest that waits for `other`: from the other side, with the same id, and about the same unless one of them does
// not say.
DnsParser::Transaction** DnsParser::find(const Transaction& other, bool answered) noexcept {
  const auto& wanted = other.session.layout;
  for (Transaction** link = &waiting_.first; *link != nullptr; link = &(*link)->next) {
    const auto& layout = (*link)->session.layout;
    const bool says = layout.query.data() != nullptr && wanted.query.data() != nullptr;
    const bool same = !says || (layout.query == wanted.query && layout.qtype == wanted.qtype);
    if (layout.answered == answered && layout.id == wanted.id && (*link)->direction != other.direction && same) {
      return link;
    }
  }
  return nullptr;
}

void DnsParser::take_query(Transaction* transaction) noexcept {
  Transaction** link = find(*transaction, true);
  if (link == nullptr) return wait(transaction);
  Transaction* answer = waiting_.take(link);
  --waiting_count_;
  join(transaction, answer);
}

void DnsParser::take_answer(Transaction* transaction) noexcept {
  Transaction** link = find(*transaction, false);
  if (link == nullptr) return wait(transaction);
  Transaction* query = waiting_.take(link);
  --waiting_count_;
  join(query, transaction);
}

void DnsParser::wait(Transaction* transaction) noexcept {
  if (waiting_count_ == max_waiting) {
    decided_.push(waiting_.pop());
    --waiting_count_;
  }
  waiting_.push(transaction);
  ++waiting_count_;
}

void DnsParser::give_up_before(Timestamp now) noexcept {
  for (Transaction** link = &waiting_.first; *link != nullptr;) {
    const Duration patience = (*link)->session.layout.answered ? query_patience : answer_patience;
    if (now - (*link)->ts < patience) {
      link = &(*link)->next;
      continue;
    }
    --waiting_count_;
    decided_.push(waiting_.take(link));
  }
}

// The answer becomes the query's.
void DnsParser::join(Transaction* query, Transaction* answer) noexcept {
  const DnsTransaction::Layout asked = query->session.layout;
  DnsTransaction::Layout& layout = query->session.layout;
  layout = answer->session.layout;
  if (asked.query.data() != nullptr) {
    layout.query = asked.query;
    layout.questions = asked.questions;
    layout.qtype = asked.qtype;
    layout.qclass = asked.qclass;
  }
  layout.query_seen = true;
  layout.query_edns = asked.query_edns;
  if (asked.client_subnet.data() != nullptr) layout.client_subnet = asked.client_subnet;
  layout.malformed = asked.malformed || layout.malformed;
  layout.rtt = answer->ts - query->ts;
  query->memory.adopt(answer->memory);
  destroy(answer);
  decided_.push(query);
}

Parser* create(Arena& arena, const FiveTuple& tuple) noexcept {
  void* memory = arena.allocate(sizeof(DnsParser), alignof(DnsParser));
  return memory == nullptr ? nullptr : new (memory) DnsParser(arena, tuple);
}

}  // namespace iris::parsers::dns
