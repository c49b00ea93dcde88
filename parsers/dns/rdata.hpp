// A record's data as zone files write it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "parsers/dns/name.hpp"

namespace iris::parsers::dns {

// Text up to its room; what exceeds it is cut off.
class DataText {
 public:
  void clear() noexcept { size_ = 0; }
  void append(std::string_view text) noexcept;
  void append(char character) noexcept { append(std::string_view(&character, 1)); }
  void append_number(std::uint64_t number) noexcept;
  void append_hex(std::span<const std::uint8_t> bytes) noexcept;
  void append_base64(std::span<const std::uint8_t> bytes) noexcept;
  // In quotes, escaped.
  void append_quoted(std::span<const std::uint8_t> bytes) noexcept;
  void append_address(std::span<const std::uint8_t> bytes) noexcept;  // 4 or 16 of them
  [[nodiscard]] std::string_view text() const noexcept { return {characters_.data(), size_}; }

 private:
  std::array<char, 2048> characters_;
  std::size_t size_ = 0;
};

// RDATA is message[begin, end). Types that are not known, and malformed data, as RFC 3597 does: "\# 4 c0000201".
void write_data(Message message, std::size_t begin, std::size_t end, std::uint16_t type, DataText& text) noexcept;

}  // namespace iris::parsers::dns
