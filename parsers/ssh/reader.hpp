// One direction's bytes to its identification line and its packets, as long as they are in clear (RFC 4253, 4.2 and 6).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "parsers/api.hpp"

namespace iris::parsers::ssh {

enum class Message : std::uint8_t {
  disconnect = 1,
  ignore = 2,
  unimplemented = 3,
  debug = 4,
  ext_info = 7,
  kexinit = 20,
  newkeys = 21,
  kex_first = 30,  // the key exchange's own, to kex_last
  kexdh_reply = 31,
  gex_reply = 33,
  kex_last = 49,
};

class Reader {
 public:
  // Of an identification line; RFC 4253 says 255.
  static constexpr std::size_t max_line = 1024;
  // Lines that a server may send before it, all together.
  static constexpr std::size_t max_preamble = 8192;
  static constexpr std::size_t max_packet = 40000;  // RFC 4253, 6.1 asks for 35,000

  enum class Outcome : std::uint8_t {
    more,            // all bytes were taken
    identification,  // body() is the line, without its end
    packet,          // of type(); body() is what follows the type
    failed,          // not SSH, or encrypted; the reader is spent
    out_of_memory,   // the same
  };

  // Takes bytes off the front of `bytes` until there is something to tell or they are used up.
  [[nodiscard]] Outcome read(std::span<const std::uint8_t>& bytes, Arena& arena) noexcept;

  // Valid as long as the arena.
  [[nodiscard]] std::span<const std::uint8_t> body() const noexcept { return body_; }
  [[nodiscard]] Message type() const noexcept { return type_; }

 private:
  [[nodiscard]] Outcome read_line(std::span<const std::uint8_t>& bytes, Arena& arena) noexcept;
  [[nodiscard]] Outcome read_packet(std::span<const std::uint8_t>& bytes, Arena& arena) noexcept;
  [[nodiscard]] bool begin_packet() noexcept;
  [[nodiscard]] bool keep(std::uint8_t byte, Arena& arena) noexcept;

  bool identified_ = false;
  std::array<std::uint8_t, 6> header_{};  // length, padding length, type
  std::uint8_t header_size_ = 0;
  Message type_ = Message::ignore;
  std::uint8_t padding_ = 0;
  bool kept_ = false;       // the packet's body is
  std::uint32_t left_ = 0;  // of the packet behind its header
  std::uint8_t* buffer_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t room_ = 0;
  std::uint32_t preamble_ = 0;
  std::span<const std::uint8_t> body_;
};

}  // namespace iris::parsers::ssh
