#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "parsers/digest.hpp"
#include "parsers/dns/rdata.hpp"

namespace iris::parsers::dns {

void DataText::append(std::string_view text) noexcept {
  const std::size_t fits = std::min(text.size(), characters_.size() - size_);
  if (fits != 0) std::memcpy(characters_.data() + size_, text.data(), fits);
  size_ += fits;
}

void DataText::append_number(std::uint64_t number) noexcept {
  char digits[20];
  append({digits, std::to_chars(digits, std::end(digits), number).ptr});
}

void DataText::append_hex(std::span<const std::uint8_t> bytes) noexcept {
  for (const std::uint8_t byte : bytes.first(std::min(bytes.size(), characters_.size()))) {
    char digits[2];
    write_hex({&byte, 1}, digits);
    append({digits, 2});
  }
}

void DataText::append_base64(std::span<const std::uint8_t> bytes) noexcept {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (bytes = bytes.first(std::min(bytes.size(), characters_.size())); !bytes.empty();) {
    const std::size_t taken = std::min<std::size_t>(3, bytes.size());
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8U | (i < taken ? bytes[i] : 0U);
    char digits[4];
    for (unsigned i = 0; i < 4; ++i) digits[i] = i <= taken ? alphabet[group >> (18 - 6 * i) & 63U] : '=';
    append({digits, 4});
    bytes = bytes.subspan(taken);
  }
}

void DataText::append_quoted(std::span<const std::uint8_t> bytes) noexcept {
  append('"');
  for (const std::uint8_t byte : bytes) {
    if (byte == '"' || byte == '\\') append('\\');
    if (byte >= ' ' && byte < 0x7f) {
      append(static_cast<char>(byte));
    } else {
      const char escape[4] = {'\\', static_cast<char>('0' + byte / 100), static_cast<char>('0' + byte / 10 % 10),
                              static_cast<char>('0' + byte % 10)};
      append({escape, sizeof escape});
    }
  }
  append('"');
}

void DataText::append_address(std::span<const std::uint8_t> bytes) noexcept {
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text) != nullptr) append(text);
}

}  // namespace iris::parsers::dns
