#include "parsers/http/transaction.hpp"

#include <new>

#include "parsers/http/head.hpp"

namespace iris::parsers::http {

Transaction* Transactions::add() noexcept {
  void* memory = recycler_.take(sizeof(Transaction));
  if (memory == nullptr) return nullptr;
  auto* transaction = new (memory) Transaction(recycler_);
  transaction->session.layout.index = begun_++;
  Transaction** last = &first_;
  while (*last != nullptr) last = &(*last)->next;
  *last = transaction;
  ++count_;
  return transaction;
}

void Transactions::take(Transaction* transaction) noexcept {
  for (Transaction** link = &first_; *link != nullptr; link = &(*link)->next) {
    if (*link != transaction) continue;
    *link = transaction->next;
    --count_;
    return;
  }
}

void Transactions::destroy(Transaction* transaction) noexcept {
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
