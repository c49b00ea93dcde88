// QUIC over a connection's datagrams: opens Initial packets and reads the ClientHello out of their CRYPTO frames.
//
// Keys come from the client's first packet; when one of its Initials does not open with them, its own connection id is
// tried, since a Retry or Version Negotiation may have come in between. The same with a hello that was read before is
// another connection between the same ports.
//
// The originator is taken for the client until an Initial of the other side opens with keys of its own connection id:
// then the server was seen first. Initials that nothing opens yet are kept, a few of them, until there are keys: the
// directions may come by different ways.
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
  // Of Initials that come before their keys, and of the bytes of each.
  static constexpr std::size_t max_early = 4;
  static constexpr std::size_t max_early_bytes = 2048;

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

  // An Initial that came before its keys.
  struct Early {
    Bytes packet;
    Direction direction;
    Early* next = nullptr;
  };
  // What is known of a connection that has not begun.
  struct Hints {
    bool retry = false;
    bool version_negotiation = false;
    bool zero_rtt = false;
  };

  [[nodiscard]] Status go_on() noexcept;
  [[nodiscard]] bool take_early() noexcept;
  void keep_early(Bytes packet) noexcept;
  [[nodiscard]] bool may_open_later() const noexcept;
  void take_packet() noexcept;
  void take_short() noexcept;
  void take_retry() noexcept;
  void take_negotiation() noexcept;
  void note(bool QuicConnection::Layout::* fact, bool& hint) noexcept;
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
  void identify(Connection& connection, const LongHeader& header) noexcept;
  void set_version(QuicConnection::Layout& layout, std::uint32_t number) noexcept;
  // nullptr: none, or its end was reported.
  [[nodiscard]] Connection* open_one() const noexcept {
    return current_ != nullptr && !current_->ended ? current_ : nullptr;
  }
  [[nodiscard]] bool from_client() const noexcept { return direction_ == client_; }
  [[nodiscard]] bool has_keys() const noexcept { return current_ != nullptr && current_->has_keys; }
  [[nodiscard]] Bytes copy(Bytes bytes) noexcept;

  Arena& arena_;
  Connection* current_ = nullptr;
  Bytes left_;  // of the datagram
  Direction direction_ = Direction::FromOriginator;
  Direction client_ = Direction::FromOriginator;
  Early* early_ = nullptr;  // oldest first
  std::uint32_t early_count_ = 0;
  bool early_again_ = false;  // there are new keys for them
  bool is_early_ = false;     // left_ is one of them
  Hints hints_;
  bool over_ = false;
  bool exhausted_ = false;
};

// nullptr when the arena is exhausted.
[[nodiscard]] Parser* create(Arena& arena, const FiveTuple& tuple) noexcept;

}  // namespace iris::parsers::quic
