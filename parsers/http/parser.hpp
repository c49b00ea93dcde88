// HTTP over a connection's two directions: HTTP/1 until a preface or an upgrade says HTTP/2.
//
// Requests and responses of HTTP/1 are matched by their order. Each direction reads on its own: the i-th response may
// come before the i-th request. Reports come in the order of the transactions.
//
//   start      lines until one is a start line; others are passed over
//   head       lines up to the empty one
//   body       as its framing says
//   held       what comes is kept until the other side says what it is: behind a CONNECT or an upgrade, and the
//              SETTINGS of a server that speaks before its client
//   http2      frames
//   lost       nothing more is read of this direction
//
// A gap inside a body or a frame's data is bridged. Behind another, HTTP/1 goes on at the next line that is a start
// line, and what was open is reported as incomplete; HTTP/2 ends.
#pragma once

#include <array>
#include <cstdint>

#include <iris/protocols/http.hpp>

#include "parsers/api.hpp"
#include "parsers/http/body.hpp"
#include "parsers/http/http2.hpp"
#include "parsers/http/transaction.hpp"

namespace iris::parsers::http {

class HttpParser final : public Parser {
 public:
  // Of transactions that are not over: beyond it the oldest is cut off.
  static constexpr std::uint32_t max_open = 128;
  // The same while nothing was seen of the other direction.
  static constexpr std::uint32_t max_open_one_sided = 32;
  // Of bytes that are not HTTP, before a direction is lost; and of bytes that are held.
  static constexpr std::size_t max_garbage = std::size_t{64} << 10U;
  static constexpr std::size_t max_held = std::size_t{16} << 10U;

  // All memory is `arena`'s, which must outlive the parser.
  explicit HttpParser(Arena& arena) noexcept
      : recycler_(arena), transactions_(recycler_), http2_(recycler_, transactions_) {}

  [[nodiscard]] Status parse(const Segment& segment) noexcept override;
  [[nodiscard]] Status next() noexcept override;
  [[nodiscard]] Status finish() noexcept override;
  // An HttpTransaction.
  [[nodiscard]] const void* session() const noexcept override { return current_; }
  [[nodiscard]] const SessionData* data() const noexcept override { return transactions_.data(); }
  void release(const void* session) noexcept override;
  [[nodiscard]] std::span<const std::uint8_t> rest(Direction direction) const noexcept override;

 private:
  using Bytes = std::span<const std::uint8_t>;

  enum class State : std::uint8_t { start, head, body, held, http2, lost };
  enum class Role : std::uint8_t { unknown, client, server };
  struct Side {
    State state = State::start;
    Role role = Role::unknown;
    Body body;
    Transaction* transaction = nullptr;  // whose message is being read
    // The lines of the head so far, or bytes that are held.
    char* bytes = nullptr;
    std::uint32_t size = 0;
    std::uint32_t room = 0;
    std::uint32_t line = 0;     // where the last line begins
    std::uint32_t garbage = 0;  // bytes passed over
    Bytes left;                 // of the segment, not read
  };

  [[nodiscard]] Side& other(const Side& side) noexcept { return &side == sides_.data() ? sides_[1] : sides_[0]; }
  [[nodiscard]] Status go_on() noexcept;
  [[nodiscard]] bool read_more() noexcept;
  void read(Side& side) noexcept;
  void read_lines(Side& side) noexcept;
  void take_line(Side& side) noexcept;
  void take_start_line(Side& side) noexcept;
  [[nodiscard]] static bool is_interim(const Side& side) noexcept;
  void take_head(Side& side) noexcept;
  void cut_off_head(Side& side) noexcept;
  void read_request_head(Side& side) noexcept;
  void read_response_head(Side& side) noexcept;
  void take_request(Side& side) noexcept;
  void take_response(Side& side) noexcept;
  void begin_response_body(Side& side) noexcept;
  [[nodiscard]] bool answers_simple_request(Side& side) noexcept;
  void begin_simple_response(Side& side) noexcept;
  void end_message(Side& side) noexcept;
  void read_body(Side& side) noexcept;
  void read_http2(Side& side) noexcept;
  void upgrade_to_http2(Side& server) noexcept;
  void begin_http2(Side& client, std::uint32_t preface_left) noexcept;
  [[nodiscard]] Transaction* reportable() const noexcept;
  void hold(Side& side) noexcept;
  void resume(Side& side) noexcept;
  void lose(Side& side, bool for_good) noexcept;
  void skip(Side& side, std::uint32_t missing) noexcept;
  void cut_off_all() noexcept;
  [[nodiscard]] bool append(Side& side, Bytes bytes, std::size_t most) noexcept;
  void drop_bytes(Side& side) noexcept;
  [[nodiscard]] Transaction* transaction_for(const Side& side) noexcept;
  [[nodiscard]] std::span<const HttpHeader> read_headers(Side& side, Transaction& transaction) noexcept;

  Recycler recycler_;
  Transactions transactions_;
  std::array<Side, 2> sides_;  // by Direction
  Transaction* current_ = nullptr;
  Http2 http2_;
  bool is_http2_ = false;
  bool tunnel_ = false;  // another protocol begins once the transaction before it is over
  bool over_ = false;    // nothing more is read
};

// nullptr when the arena is exhausted.
[[nodiscard]] Parser* create(Arena& arena, const FiveTuple& tuple) noexcept;

}  // namespace iris::parsers::http
