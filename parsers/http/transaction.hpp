// Transactions of a connection, in the order of their requests; HTTP/1 and HTTP/2 alike fill them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <iris/protocols/http.hpp>

#include "parsers/http/content.hpp"
#include "parsers/recycler.hpp"
#include "parsers/session_memory.hpp"

namespace iris::parsers::http {

// A piece of a body that is to be reported.
struct Piece {
  Piece* next = nullptr;
  SessionData data;
  std::uint32_t room = 0;  // of a copy; 0: it lies in the segment
};

struct Transaction {
  explicit Transaction(Recycler& recycler) noexcept : memory(recycler) {}

  HttpTransaction session;  // first: what is released is its address
  SessionMemory memory;
  Transaction* next = nullptr;
  std::uint32_t stream = 0;             // HTTP/2
  std::array<MessageBody, 2> bodies{};  // the request's, the response's
  Piece* pieces = nullptr;              // oldest first
  std::uint32_t copied = 0;             // bytes of them
  bool has_request = false;             // its headers
  bool has_response = false;
  bool request_done = false;  // its body, too
  bool response_done = false;
  bool request_lost = false;  // the rest of its body
  bool cut_off = false;       // nothing more will come, though something is missing
  bool reported = false;
  bool numbered = false;

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
  // Its place in the connection is the next one, unless it has one.
  void number(Transaction& transaction) noexcept;
  // Takes it out; it stays alive.
  void take(Transaction* transaction) noexcept;
  void destroy(Transaction* transaction) noexcept;

  // Whether add_data() keeps anything: until the next call.
  void want_data(bool wanted) noexcept { data_wanted_ = wanted; }
  // Bytes of a body were seen, in the segment at hand; or are missing. Before the transaction is reported they are
  // copied, up to most_copied.
  void add_data(Transaction& transaction, bool of_request, std::span<const std::uint8_t> bytes) noexcept;
  void add_missing(Transaction& transaction, bool of_request, std::uint64_t bytes) noexcept;
  // The oldest piece of a reported transaction, which becomes data(); nullptr: there is none. What data() was before is
  // gone.
  [[nodiscard]] Transaction* take_data() noexcept;
  [[nodiscard]] const SessionData* data() const noexcept { return taken_ == nullptr ? nullptr : &taken_->data; }

  [[nodiscard]] Transaction* first() const noexcept { return first_; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

 private:
  static constexpr std::size_t most_copied = std::size_t{64} << 10U;

  void give_back(Piece* piece) noexcept;

  Recycler& recycler_;
  Transaction* first_ = nullptr;
  Piece* taken_ = nullptr;
  std::uint32_t pending_ = 0;  // pieces
  bool data_wanted_ = false;
  std::uint32_t count_ = 0;
  std::uint32_t begun_ = 0;
};

// Fills what the session says by name from its lists of headers.
void name_request_headers(HttpTransaction::Layout& layout) noexcept;
void name_response_headers(HttpTransaction::Layout& layout) noexcept;

}  // namespace iris::parsers::http
