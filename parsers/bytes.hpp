// Big-endian numbers from bytes as they come off the wire. No function here checks a length except Reader's, which
// checks all of them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace iris::parsers {

template <class Number>
[[nodiscard]] inline Number load_big_endian(const std::uint8_t* bytes) noexcept {
  Number value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  return value;
}
[[nodiscard]] inline std::uint16_t load16(const std::uint8_t* bytes) noexcept {
  return load_big_endian<std::uint16_t>(bytes);
}
[[nodiscard]] inline std::uint32_t load32(const std::uint8_t* bytes) noexcept {
  return load_big_endian<std::uint32_t>(bytes);
}

// Takes values off the front of a span. Taking more than there is yields zeros and empty spans and makes `ok` false for
// good, so that a whole structure may be read and judged once.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) noexcept : rest_(bytes) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const noexcept { return rest_.size(); }

  std::span<const std::uint8_t> take(std::size_t count) noexcept {
    if (count > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::uint8_t u8() noexcept {
    const auto byte = take(1);
    return byte.empty() ? std::uint8_t{0} : byte[0];
  }
  std::uint16_t u16() noexcept {
    const auto bytes = take(2);
    return bytes.empty() ? std::uint16_t{0} : load16(bytes.data());
  }
  // TLS's variable-length vectors (RFC 8446, 3.4): a length, then as many bytes.
  std::span<const std::uint8_t> vector8() noexcept { return take(u8()); }
  std::span<const std::uint8_t> vector16() noexcept { return take(u16()); }

 private:
  std::span<const std::uint8_t> rest_;
  bool ok_ = true;
};

}  // namespace iris::parsers
