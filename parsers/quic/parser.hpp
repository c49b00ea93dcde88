// QUIC over a connection's datagrams: opens Initial packets and reads the ClientHello out of their CRYPTO frames.
//
// Keys come from the client's first packet; when one of its Initials does not open with them, its own connection id is
// tried, since a Retry or Version Negotiation may have come in between. The same with a hello that was read before is
// another connection between the same ports.
#pragma once

#include <cstdint>
#include <span>

#include <iris/protocols/quic.hpp>

#include "parsers/api.hpp"
#include "parsers/quic/crypto_stream.hpp"
#include "parsers/quic/initial.hpp"
#include "parsers/quic/packet.hpp"

namespace iris::parsers::quic {

class QuicParser final : public Parser {
 public:
  // All memory is `arena`'s, which must outlive the parser.
  explicit QuicParser(Arena& arena) noexcept : arena_(arena) {}

  [[nodiscard]] Status parse(const Segment& segment) noexcept override;
  [[nodiscard]] Status next() noexcept override;
  [[nodiscard]] Status finish() noexcept override;
  // A QuicConnection.
  [[nodiscard]] const void* session() const noexcept override { return &current_->session; }

 private:
  using Bytes = std::span<const std::uint8_t>;

  struct Connection {
    QuicConnection session;
    InitialKeys keys;
    Bytes key_dcid;  // that they come from
    CryptoStream client_hello;
    CryptoStream server_hello;
    bool has_keys = false;
    bool server_hello_read = false;
    bool reported = false;
    bool over = false;
    bool ended = false;  // and that was reported
  };

  [[nodiscard]] Status go_on() noexcept;
  void take_packet() noexcept;
  void take_short() noexcept;
  void take_negotiation() noexcept;
  void take_google() noexcept;
  void take_initial(const LongHeader& header, const Version& version, const Extent& extent) noexcept;
  [[nodiscard]] Bytes open_initial(const LongHeader& header, const Version& version, const Extent& extent) noexcept;
  [[nodiscard]] Bytes open_first(const LongHeader& header, const Version& version, const Extent& extent,
                                 InitialKeys& keys) const noexcept;
  void take_frames(Connection& connection, Bytes frames) noexcept;
  void take_crypto(Connection& connection, std::uint64_t offset, Bytes bytes) noexcept;
  void read_client_hello(Connection& connection) noexcept;
  void read_server_hello(Connection& connection) noexcept;
  void begin(const LongHeader& header) noexcept;
  void set_version(QuicConnection::Layout& layout, std::uint32_t number) noexcept;
  // nullptr: none, or its end was reported.
  [[nodiscard]] Connection* open_one() const noexcept {
    return current_ != nullptr && !current_->ended ? current_ : nullptr;
  }
  [[nodiscard]] Bytes copy(Bytes bytes) noexcept;

  Arena& arena_;
  Connection* current_ = nullptr;
  Bytes left_;  // of the datagram
  bool from_client_ = false;
  bool over_ = false;
  bool exhausted_ = false;
};

// nullptr when the arena is exhausted.
[[nodiscard]] Parser* create(Arena& arena, const FiveTuple& tuple) noexcept;

}  // namespace iris::parsers::quic
