// Packets put together by hand, header by header.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <iris/net.hpp>

namespace iris::support {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

struct Ipv4Options {
  std::uint16_t total_length = 0;
  std::uint16_t fragment = 0;  // flags and offset
  Bytes options{};
};

// From 192.0.2.1 to 198.51.100.7 (RFC 791, 3.1). No checksum.
inline Bytes ipv4_header(Transport transport, const Ipv4Options& with = {}) {
  const auto high = [](std::size_t value) { return static_cast<std::uint8_t>(value >> 8U); };
  const auto low = [](std::size_t value) { return static_cast<std::uint8_t>(value); };
  const std::array<std::uint8_t, 20> header{low(0x45 + with.options.size() / 4),
                                            0,
                                            high(with.total_length),
                                            low(with.total_length),
                                            0,
                                            0,
                                            high(with.fragment),
                                            low(with.fragment),
                                            64,
                                            static_cast<std::uint8_t>(transport),
                                            0,
                                            0,
                                            192,
                                            0,
                                            2,
                                            1,
                                            198,
                                            51,
                                            100,
                                            7};
  return Bytes(header.begin(), header.end()) + with.options;
}

// A whole packet.
inline Bytes ipv4(Transport transport, const Bytes& content, std::uint16_t fragment = 0) {
  const auto length = static_cast<std::uint16_t>(20 + content.size());
  return ipv4_header(transport, {.total_length = length, .fragment = fragment}) + content;
}

}  // namespace iris::support
