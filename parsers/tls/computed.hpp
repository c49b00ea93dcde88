// What is computed of a handshake only when somebody asks: room for it, in the connection's arena.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include <iris/protocols/tls.hpp>

#include "parsers/api.hpp"
#include "parsers/digest.hpp"

namespace iris {

// data() == nullptr: not computed yet, or absent.
struct TlsHandshake::Layout::Computed {
  std::string_view ja3, ja3s, ja4, ja3_text, ja3s_text, cipher_name, version_name;
  std::span<const TlsCertificate> certificates, client_certificates;
  std::array<char, 6> cipher_number{};
  std::array<char, 6> version_number{};
  parsers::Md5Text ja3_digits{}, ja3s_digits{};
  std::array<char, 36> ja4_characters{};
};

}  // namespace iris

namespace iris::parsers::tls {

// Room for what is computed of the handshake; nullptr when the arena is exhausted.
[[nodiscard]] TlsHandshake::Layout::Computed* computed_of(const TlsHandshake& handshake) noexcept;

// Text in the connection's arena, written from front to back, no longer than `room`; absent when there is no memory.
class ArenaText {
 public:
  ArenaText(const TlsHandshake& handshake, std::size_t room) noexcept;

  void append(std::string_view text) noexcept;
  void append(std::uint32_t number, int base = 10, int width = 1) noexcept;
  [[nodiscard]] std::string_view text() const noexcept { return {begin_, size_}; }

 private:
  char* begin_ = nullptr;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
};

}  // namespace iris::parsers::tls
