// TLS over a connection's two directions: waits for both hellos, reports what they say, and goes on to what follows in
// clear.
//
//                      client side                    server side
//   waiting            no hello so far                no (real) hello so far
//   hello              ClientHello                    ServerHello that is no HelloRetryRequest
//   over               behind the hello all that was in clear was read
//   lost               no hello: a gap, not TLS, out of memory, or the hello came before we did
//
// Which side is the client is told by the hellos, not by who originated the connection. The one session is reported
// once there is a hello and nothing more to wait for: complete with both; incomplete when the other side's is lost,
// when the connection ends, or when a server goes on and the other side was silent (a tap that sees one direction). A
// ServerHello that is seen before the ClientHello is no reason: the directions may come by different ways. Its end is
// reported when what comes next is encrypted on both sides, or does not come.
// After a HelloRetryRequest the first ClientHello counts; its repetition is not read.
#pragma once

#include <array>
#include <cstdint>

#include <iris/protocols/tls.hpp>

#include "parsers/api.hpp"
#include "parsers/tls/handshake_reader.hpp"

namespace iris::parsers::tls {

class TlsParser final : public Parser {
 public:
  // All memory is `arena`'s, which must outlive the parser.
  explicit TlsParser(Arena& arena) noexcept : arena_(arena) { handshake_.layout.arena = &arena; }

  [[nodiscard]] Status parse(const Segment& segment) noexcept override;
  [[nodiscard]] Status next() noexcept override;
  [[nodiscard]] Status finish() noexcept override;
  // A TlsHandshake.
  [[nodiscard]] const void* session() const noexcept override { return &handshake_; }

 private:
  using Outcome = HandshakeReader::Outcome;

  enum class Hello : std::uint8_t { none, client, server };
  struct Side {
    HandshakeReader reader;
    Hello hello = Hello::none;
    bool over = false;            // without a hello: lost
    bool ends_by_change = false;  // it was a ChangeCipherSpec that ended it
    std::uint16_t messages_since_hello = 0;

    [[nodiscard]] bool lost() const noexcept { return over && hello == Hello::none; }
  };
  enum class Reported : std::uint8_t { nothing, session, end };

  void read(Side& side, std::span<const std::uint8_t> bytes) noexcept;
  void take(Side& side, Outcome outcome) noexcept;
  void take_message(Side& side) noexcept;
  void take_hello(Side& side, Hello hello, bool sslv2 = false) noexcept;
  void take_certificates(Side& side) noexcept;
  void take_alert(const Side& side) noexcept;
  [[nodiscard]] bool has(Hello hello) const noexcept;
  [[nodiscard]] Status report() noexcept;
  [[nodiscard]] Status report_end() noexcept;

  Arena& arena_;
  TlsHandshake handshake_;
  std::array<Side, 2> sides_;     // by Direction
  std::uint32_t unanswered_ = 0;  // segments of a server, its hello included, without any of a client
  Reported reported_ = Reported::nothing;
};

// nullptr when the arena is exhausted.
[[nodiscard]] Parser* create(Arena& arena, const FiveTuple& tuple) noexcept;

}  // namespace iris::parsers::tls
