#include "parsers/http/transaction.hpp"

#include <cstring>
#include <new>
#include <utility>

#include "parsers/http/head.hpp"

namespace iris::parsers::http {

Transaction* Transactions::add() noexcept {
  void* memory = recycler_.take(sizeof(Transaction));
  if (memory == nullptr) return nullptr;
  auto* transaction = new (memory) Transaction(recycler_);
  Transaction** last = &first_;
  while (*last != nullptr) last = &(*last)->next;
  *last = transaction;
  ++count_;
  return transaction;
}

void Transactions::number(Transaction& transaction) noexcept {
  if (!std::exchange(transaction.numbered, true)) transaction.session.layout.index = begun_++;
}

void Transactions::take(Transaction* transaction) noexcept {
  for (Transaction** link = &first_; *link != nullptr; link = &(*link)->next) {
    if (*link != transaction) continue;
    *link = transaction->next;
    --count_;
    return;
  }
}

void Transactions::add_data(Transaction& transaction, bool of_request, std::span<const std::uint8_t> bytes) noexcept {
  HttpTransaction::Layout& layout = transaction.session.layout;
  (of_request ? layout.request_body_bytes : layout.response_body_bytes) += bytes.size();
  MessageBody& body = transaction.bodies[of_request ? 0 : 1];
  const std::uint64_t offset = body.seen;
  body.seen += bytes.size();
  if (!data_wanted_ || bytes.empty()) return;
  const bool copied = !transaction.reported;
  if (copied && transaction.copied + bytes.size() > most_copied) return;
  void* memory = recycler_.take(sizeof(Piece));
  if (memory == nullptr) return;
  auto* piece = new (memory) Piece;
  if (copied) {
    void* copy = recycler_.take(bytes.size());
    if (copy == nullptr) return recycler_.give(memory, sizeof(Piece));
    std::memcpy(copy, bytes.data(), bytes.size());
    piece->room = static_cast<std::uint32_t>(bytes.size());
    transaction.copied += piece->room;
    bytes = {static_cast<const std::uint8_t*>(copy), bytes.size()};
  }
  body.encoding =
      of_request ? find_header(layout.request_headers, "content-encoding") : layout.response_content_encoding;
  body.memory = &recycler_;
  piece->data.bytes = bytes;
  piece->data.offset = offset;
  piece->data.of_request = of_request;
  piece->data.message = &body;
  Piece** last = &transaction.pieces;
  while (*last != nullptr) last = &(*last)->next;
  *last = piece;
  ++pending_;
}

void Transactions::add_missing(Transaction& transaction, bool of_request, std::uint64_t bytes) noexcept {
  transaction.session.layout.missing_bytes += bytes;
  transaction.bodies[of_request ? 0 : 1].seen += bytes;
}

Transaction* Transactions::take_data() noexcept {
  if (taken_ != nullptr) give_back(std::exchange(taken_, nullptr));
  if (pending_ == 0) return nullptr;
  for (Transaction* each = first_; each != nullptr; each = each->next) {
    if (!each->reported || each->pieces == nullptr) continue;
    taken_ = std::exchange(each->pieces, each->pieces->next);
    each->copied -= taken_->room;
    --pending_;
    return each;
  }
  return nullptr;
}

void Transactions::give_back(Piece* piece) noexcept {
  if (piece->room != 0) recycler_.give(const_cast<std::uint8_t*>(piece->data.bytes.data()), piece->room);
  static_cast<MessageBody*>(piece->data.message)->forget_piece();
  recycler_.give(piece, sizeof(Piece));
}

void Transactions::destroy(Transaction* transaction) noexcept {
  for (MessageBody& body : transaction->bodies) body.clear();
  transaction->memory.clear();
  recycler_.give(transaction, sizeof(Transaction));
}

void name_request_headers(HttpTransaction::Layout& layout) noexcept {
  for (const HttpHeader& header : layout.request_headers) {
    struct Named {
      std::string_view name;
      std::string_view HttpTransaction::Layout::* member;
    };
    static constexpr Named named[] = {
        {"host", &HttpTransaction::Layout::host},
        {"user-agent", &HttpTransaction::Layout::user_agent},
        {"referer", &HttpTransaction::Layout::referrer},
        {"cookie", &HttpTransaction::Layout::cookie},
        {"content-type", &HttpTransaction::Layout::request_content_type},
        {"transfer-encoding", &HttpTransaction::Layout::request_transfer_encoding},
    };
    for (const Named& each : named) {
      std::string_view& member = layout.*each.member;
      if (member.data() == nullptr && equal_ignoring_case(header.name, each.name)) member = header.value;
    }
  }
  const std::string_view length = find_header(layout.request_headers, "content-length");
  if (length.data() != nullptr) layout.request_content_length = parse_length(length);
}

void name_response_headers(HttpTransaction::Layout& layout) noexcept {
  for (const HttpHeader& header : layout.response_headers) {
    struct Named {
      std::string_view name;
      std::string_view HttpTransaction::Layout::* member;
    };
    static constexpr Named named[] = {
        {"content-type", &HttpTransaction::Layout::response_content_type},
        {"content-encoding", &HttpTransaction::Layout::response_content_encoding},
        {"transfer-encoding", &HttpTransaction::Layout::response_transfer_encoding},
        {"location", &HttpTransaction::Layout::location},
        {"server", &HttpTransaction::Layout::server},
    };
    for (const Named& each : named) {
      std::string_view& member = layout.*each.member;
      if (member.data() == nullptr && equal_ignoring_case(header.name, each.name)) member = header.value;
    }
  }
  const std::string_view length = find_header(layout.response_headers, "content-length");
  if (length.data() != nullptr) layout.response_content_length = parse_length(length);
}

}  // namespace iris::parsers::http
