// One direction's bytes to its handshake messages, up to the hello: undoes the record layer (RFC 8446, 5.1) and puts
// messages together that were split, into records and segments in any way.
//
// Only hellos are kept; they are copied into the arena, so that views into them outlive the segments. Before its hello
// a side sends nothing else of interest, and what shows that the hello was missed ends the search.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "parsers/api.hpp"
#include "parsers/tls/wire.hpp"

namespace iris::parsers::tls {

class HelloReader {
 public:
  // Longer messages are given up.
  static constexpr std::size_t max_message = std::size_t{1} << 16U;

  enum class Outcome : std::uint8_t {
    more,          // all bytes were taken
    client_hello,  // message() is its body
    server_hello,
    sslv2_client_hello,  // message() is all that follows the record header
    failed,              // not TLS, or the hello is not among what comes; the reader is spent
    out_of_memory,       // the same
  };

  // Takes bytes off the front of `bytes` until there is a hello or they are used up. After a hello, may be called again
  // for the one that follows it: that invalidates message().
  [[nodiscard]] Outcome read(std::span<const std::uint8_t>& bytes, Arena& arena) noexcept;

  [[nodiscard]] std::span<const std::uint8_t> message() const noexcept { return {buffer_, length_}; }

  // Something was read.
  [[nodiscard]] bool begun() const noexcept { return begun_; }

 private:
  using Bytes = std::span<const std::uint8_t>;

  [[nodiscard]] bool read_record_header(Bytes& bytes) noexcept;
  [[nodiscard]] bool begin_message() noexcept;
  [[nodiscard]] bool append(Bytes piece, Arena& arena) noexcept;
  [[nodiscard]] bool reserve(std::size_t size, Arena& arena) noexcept;

  // The message that is being read. `kind_` is what its end yields; `more` for one that is skipped.
  std::uint8_t* buffer_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t length_ = 0;  // of the body, as its header says
  std::uint32_t read_ = 0;    // of the body so far
  bool in_message_ = false;   // its header is complete
  Outcome kind_ = Outcome::more;

  // The record that is being read.
  ContentType content_ = ContentType::handshake;
  bool begun_ = false;
  bool sslv2_ = false;             // the header that is being read has SSLv2's form
  std::uint32_t record_left_ = 0;  // bytes of it still to come; 0: a record header is next

  // Headers that segments or records have split.
  std::uint8_t record_header_size_ = 0;
  std::uint8_t message_header_size_ = 0;
  std::array<std::uint8_t, record_header_length> record_header_{};
  std::array<std::uint8_t, message_header_length> message_header_{};
};

}  // namespace iris::parsers::tls
