// TLS over a connection's two directions: waits for both hellos, and reports what they say in clear.
//
//                      client side                    server side
//   waiting            no hello so far                no (real) hello so far
//   hello              ClientHello                    ServerHello that is no HelloRetryRequest
//   lost               a gap, not TLS, out of memory, or the hello came before we did
//
// Which side is the client is told by the hellos, not by who originated the connection. The one session is reported
// once there is a hello and nothing more to wait for: complete with both; incomplete when the other side's is lost,
// when the connection ends, or when a server goes on and the other side was silent (a tap that sees one direction). A
// ServerHello that is seen before the ClientHello is no reason: the directions may come by different ways.
// After a HelloRetryRequest the first ClientHello counts; its repetition is not read.
#pragma once

#include <array>
#include <cstdint>

#include <iris/protocols/tls.hpp>

#include "parsers/api.hpp"
#include "parsers/tls/hello_reader.hpp"

namespace iris::parsers::tls {

class TlsParser final : public Parser {
 public:
  // All memory is `arena`'s, which must outlive the parser.
  explicit TlsParser(Arena& arena) noexcept : arena_(arena) {}

  [[nodiscard]] Status parse(const Segment& segment) noexcept override;
  [[nodiscard]] Status next() noexcept override;
  [[nodiscard]] Status finish() noexcept override;
  // A TlsHandshake.
  [[nodiscard]] const void* session() const noexcept override { return &handshake_; }

 private:
  enum class State : std::uint8_t { waiting, client_hello, server_hello, lost };
  struct Side {
    HelloReader reader;
    State state = State::waiting;

    [[nodiscard]] bool has_hello() const noexcept {
      return state == State::client_hello || state == State::server_hello;
    }
  };

  void read(Side& side, std::span<const std::uint8_t> bytes) noexcept;
  [[nodiscard]] State take_hello(const HelloReader& reader, HelloReader::Outcome outcome) noexcept;
  [[nodiscard]] bool has(State state) const noexcept;
  [[nodiscard]] Status report() noexcept;

  Arena& arena_;
  TlsHandshake handshake_;
  std::array<Side, 2> sides_;     // by Direction
  std::uint32_t unanswered_ = 0;  // segments of a server, its hello included, without any of a client
  bool over_ = false;             // nothing more is reported
  bool ended_ = false;            // its end was
};

// nullptr when the arena is exhausted.
[[nodiscard]] Parser* create(Arena& arena, const FiveTuple& tuple) noexcept;

}  // namespace iris::parsers::tls
