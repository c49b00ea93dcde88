// One direction's bytes to its handshake messages and alerts, as far as they are in clear: undoes the record layer (RFC
// 8446, 5.1) and puts messages together that were split, into records and segments in any way.
//
// Hellos and certificates are copied into the arena, each into memory of its own, so that views into them outlive the
// segments. Of other messages only the type is told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "parsers/api.hpp"
#include "parsers/tls/wire.hpp"

namespace iris::parsers::tls {

class HandshakeReader {
 public:
  // Longer hellos and certificates are given up.
  static constexpr std::size_t max_message = std::size_t{1} << 16U;

  enum class Outcome : std::uint8_t {
    more,                // all bytes were taken
    message,             // a handshake message of type(); message() is its body, where that is kept
    sslv2_client_hello,  // message() is all that follows the record header
    alert,               // alert() is it
    change_cipher_spec,  // what follows in this direction is encrypted; but not in TLS 1.3's imitation of it
    application_data,    // what follows is encrypted
    failed,              // not TLS, or encrypted; the reader is spent
    out_of_memory,       // the same
  };

  // Takes bytes off the front of `bytes` until there is something to tell or they are used up.
  [[nodiscard]] Outcome read(std::span<const std::uint8_t>& bytes, Arena& arena) noexcept;

  [[nodiscard]] MessageType type() const noexcept { return type_; }
  // Valid as long as the arena.
  [[nodiscard]] std::span<const std::uint8_t> message() const noexcept { return {buffer_, kept_ ? length_ : 0}; }

  // Level and description.
  [[nodiscard]] const std::array<std::uint8_t, alert_length>& alert() const noexcept { return alert_; }

  // Something was read.
  [[nodiscard]] bool begun() const noexcept { return begun_; }

 private:
  using Bytes = std::span<const std::uint8_t>;

  [[nodiscard]] Outcome read_record_header(Bytes& bytes) noexcept;
  [[nodiscard]] Outcome read_alert(Bytes& bytes) noexcept;
  [[nodiscard]] bool begin_message() noexcept;
  [[nodiscard]] bool append(Bytes piece, Arena& arena) noexcept;
  [[nodiscard]] bool reserve(std::size_t size, Arena& arena) noexcept;

  // The message that is being read.
  std::uint8_t* buffer_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t length_ = 0;  // of the body, as its header says
  std::uint32_t read_ = 0;    // of the body so far
  MessageType type_ = MessageType::hello_request;
  bool in_message_ = false;  // its header is complete
  bool kept_ = false;        // its body is

  // The record that is being read.
  ContentType content_ = ContentType::handshake;
  bool begun_ = false;
  bool sslv2_ = false;             // the record, or the header that is being read, has SSLv2's form
  std::uint32_t record_left_ = 0;  // bytes of it still to come; 0: a record header is next

  // What segments or records have split.
  std::uint8_t record_header_size_ = 0;
  std::uint8_t message_header_size_ = 0;
  std::uint8_t alert_size_ = 0;
  std::array<std::uint8_t, record_header_length> record_header_{};
  std::array<std::uint8_t, message_header_length> message_header_{};
  std::array<std::uint8_t, alert_length> alert_{};
};

}  // namespace iris::parsers::tls
