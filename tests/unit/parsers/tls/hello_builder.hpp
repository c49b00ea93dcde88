// Hellos and records, built byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace iris::parsers::tls::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
// `value` in `width` bytes.
inline Bytes number(std::size_t value, unsigned width) {
  Bytes bytes;
  for (unsigned i = width; i > 0; --i) bytes.push_back(static_cast<std::uint8_t>(value >> (8U * (i - 1))));
  return bytes;
}
inline Bytes numbers(std::initializer_list<std::uint16_t> values) {
  Bytes bytes;
  for (const std::uint16_t value : values) bytes = bytes + number(value, 2);
  return bytes;
}
inline Bytes vector(unsigned width, const Bytes& contents) { return number(contents.size(), width) + contents; }
inline Bytes text(std::string_view characters) { return {characters.begin(), characters.end()}; }

inline Bytes extension(std::uint16_t type, const Bytes& contents) { return number(type, 2) + vector(2, contents); }
inline Bytes server_name(std::string_view name) { return extension(0, vector(2, Bytes{0} + vector(2, text(name)))); }
inline Bytes alpn(std::initializer_list<std::string_view> names) {
  Bytes list;
  for (const std::string_view name : names) list = list + vector(1, text(name));
  return extension(16, vector(2, list));
}

struct ClientHello {
  std::uint16_t version = 0x0303;
  Bytes ciphers = numbers({0x0a0a, 0x1301, 0xc02f});
  std::optional<Bytes> extensions = Bytes{};

  [[nodiscard]] Bytes body() const {
    Bytes bytes =
        number(version, 2) + Bytes(32, 0x11) + vector(1, Bytes(32, 0x22)) + vector(2, ciphers) + vector(1, {0});
    return extensions ? bytes + vector(2, *extensions) : bytes;
  }
  [[nodiscard]] Bytes message() const { return Bytes{1} + vector(3, body()); }
};

struct ServerHello {
  std::uint16_t version = 0x0303;
  std::uint16_t cipher = 0xc02f;
  Bytes random = Bytes(32, 0x33);
  std::optional<Bytes> extensions = Bytes{};

  [[nodiscard]] Bytes body() const {
    Bytes bytes = number(version, 2) + random + vector(1, {}) + number(cipher, 2) + Bytes{0};
    return extensions ? bytes + vector(2, *extensions) : bytes;
  }
  [[nodiscard]] Bytes message() const { return Bytes{2} + vector(3, body()); }
};

inline const Bytes retry_random{0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

inline Bytes record(std::uint8_t type, const Bytes& fragment) { return Bytes{type, 3, 1} + vector(2, fragment); }
// Handshake records of at most `fragment_size` bytes each.
inline Bytes records(const Bytes& messages, std::size_t fragment_size = 16384) {
  Bytes bytes;
  for (std::size_t at = 0; at < messages.size(); at += fragment_size) {
    const auto begin = messages.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end =
        messages.size() - at > fragment_size ? begin + static_cast<std::ptrdiff_t>(fragment_size) : messages.end();
    bytes = bytes + record(22, Bytes(begin, end));
  }
  return bytes;
}
inline Bytes alert(std::uint8_t level, std::uint8_t description) { return record(21, {level, description}); }

inline Bytes sslv2_client_hello(std::uint16_t version, const Bytes& specs) {
  const Bytes body =
      Bytes{1} + number(version, 2) + number(specs.size(), 2) + number(0, 2) + number(16, 2) + specs + Bytes(16, 0x44);
  return number(0x8000U | body.size(), 2) + body;
}

}  // namespace iris::parsers::tls::test
