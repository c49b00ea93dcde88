// DNS over a connection's two directions: messages to transactions (RFC 1035, 4.2; over TCP each behind its length).
//
// A query waits for its answer, and an answer that was seen first for its query: both are found by id and first
// question. What waits too long is reported as it is, at the connection's next message or its end. Reports come in the
// order in which they are decided. Over TCP a gap ends its direction: where the next message begins is lost with it.
#pragma once

#include <array>
#include <cstdint>

#include <iris/protocols/dns.hpp>

#include "parsers/api.hpp"
#include "parsers/dns/message.hpp"
#include "parsers/recycler.hpp"
#include "parsers/session_memory.hpp"

namespace iris::parsers::dns {

class DnsParser final : public Parser {
 public:
  // Of transactions that wait for their other half: the oldest is reported when there are more.
  static constexpr std::uint32_t max_waiting = 64;

  // All memory is `arena`'s, which must outlive the parser.
  DnsParser(Arena& arena, const FiveTuple& tuple) noexcept;

  [[nodiscard]] Status parse(const Segment& segment) noexcept override;
  [[nodiscard]] Status next() noexcept override;
  [[nodiscard]] Status finish() noexcept override;
  // A DnsTransaction.
  [[nodiscard]] const void* session() const noexcept override { return current_; }
  void release(const void* session) noexcept override;

 private:
  struct Transaction {
    explicit Transaction(Recycler& recycler) noexcept : memory(recycler) {}

    DnsTransaction session;  // first: what is released is its address
    SessionMemory memory;
    Timestamp ts;
    Direction direction = Direction::FromOriginator;  // of the message that came first
    Transaction* next = nullptr;
  };
  // Oldest first.
  struct Queue {
    Transaction* first = nullptr;
    Transaction** last = &first;

    void push(Transaction* transaction) noexcept;
    Transaction* pop() noexcept;
    Transaction* take(Transaction** link) noexcept;
  };
  // TCP: a message that segments have split.
  struct Stream {
    std::array<std::uint8_t, 2> length{};
    std::uint8_t length_size = 0;
    bool lost = false;
    std::uint32_t needed = 0;  // of the message
    std::uint32_t size = 0;
    std::uint8_t* bytes = nullptr;
  };

  void take_message(Message message) noexcept;
  void take_query(Transaction* transaction) noexcept;
  void take_answer(Transaction* transaction) noexcept;
  void wait(Transaction* transaction) noexcept;
  void give_up_before(Timestamp now) noexcept;
  [[nodiscard]] Transaction** find(const Transaction& other, bool answered) noexcept;
  void join(Transaction* query, Transaction* answer) noexcept;
  [[nodiscard]] Transaction* create(Message message) noexcept;
  void destroy(Transaction* transaction) noexcept;
  void read_stream() noexcept;
  [[nodiscard]] bool complete_message(Message& message) noexcept;
  [[nodiscard]] Status go_on() noexcept;

  Recycler recycler_;
  DnsKind kind_ = DnsKind::dns;
  bool framed_ = false;  // TCP
  bool over_ = false;
  Segment segment_;  // its bytes: what is left of it
  std::array<Stream, 2> streams_;
  Queue waiting_;
  std::uint32_t waiting_count_ = 0;
  Queue decided_;
  Transaction* current_ = nullptr;
  bool ended_ = true;  // the end of `current_` was reported
};

// nullptr when the arena is exhausted.
[[nodiscard]] Parser* create(Arena& arena, const FiveTuple& tuple) noexcept;

}  // namespace iris::parsers::dns
