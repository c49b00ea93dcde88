// The bytes of CRYPTO frames in order (RFC 9000, 19.6), whatever the order in which they come.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "parsers/api.hpp"

namespace iris::parsers::quic {

class CryptoStream {
 public:
  static constexpr std::size_t max_bytes = std::size_t{64} << 10U;
  static constexpr std::size_t max_ranges = 32;  // separate from each other

  // False when it is beyond what is kept, or memory ran out: the frame is lost then.
  bool take(std::uint64_t offset, std::span<const std::uint8_t> bytes, Arena& arena) noexcept;

  // From the beginning up to the first byte that is missing. Valid until the next take().
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept;

 private:
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };

  bool reserve(std::size_t size, Arena& arena) noexcept;
  bool add(Range range) noexcept;

  std::uint8_t* buffer_ = nullptr;
  std::size_t room_ = 0;
  std::array<Range, max_ranges> ranges_;  // ascending, apart from each other
  std::size_t count_ = 0;
};

}  // namespace iris::parsers::quic
