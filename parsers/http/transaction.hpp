// Transactions of a connection, in the order of their requests; HTTP/1 and HTTP/2 alike fill them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <iris/protocols/http.hpp>

#include "parsers/recycler.hpp"
#include "parsers/session_memory.hpp"

namespace iris::parsers::http {

struct Transaction {
  explicit Transaction(Recycler& recycler) noexcept : memory(recycler) {}

  HttpTransaction session;  // first: what is released is its address
  SessionMemory memory;
  Transaction* next = nullptr;
  std::uint32_t stream = 0;  // HTTP/2
  bool has_request = false;  // its headers
  bool has_response = false;
  bool request_done = false;  // its body, too
  bool response_done = false;
  bool request_lost = false;  // the rest of its body
  bool cut_off = false;       // nothing more will come, though something is missing
  bool reported = false;

  // Nothing more can change what is told at L7EndHdrs.
  [[nodiscard]] bool ready() const noexcept { return cut_off || (has_request && has_response); }
  [[nodiscard]] bool over() const noexcept { return cut_off || ((request_done || request_lost) && response_done); }
};

// Oldest first.
class Transactions {
 public:
  explicit Transactions(Recycler& recycler) noexcept : recycler_(recycler) {}

  // A new one, at the end; nullptr when there is no memory.
  [[nodiscard]] Transaction* add() noexcept;
  // Takes it out; it stays alive.
  void take(Transaction* transaction) noexcept;
  void destroy(Transaction* transaction) noexcept;

  [[nodiscard]] Transaction* first() const noexcept { return first_; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

 private:
  Recycler& recycler_;
  Transaction* first_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t begun_ = 0;
};

// Fills what the session says by name from its lists of headers.
void name_request_headers(HttpTransaction::Layout& layout) noexcept;
void name_response_headers(HttpTransaction::Layout& layout) noexcept;

}  // namespace iris::parsers::http
