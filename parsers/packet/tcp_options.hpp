// The options of a TCP header (RFC 9293, 3.1 and 3.2) that say how the rest of its connection is to be read. Most of
// them are in SYNs only, so nobody needs to ask for those of other segments.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace iris::parsers::packet {

struct TcpTimestamps {
  std::uint32_t value = 0;
  std::uint32_t echo = 0;  // means something with ACK only
  bool operator==(const TcpTimestamps&) const = default;
};

// As sent: whether an option is allowed in its segment, or in use, is for others to say (RFC 7323, 1.3 and 2.2).
struct TcpOptions {
  std::optional<std::uint16_t> mss = {};  // RFC 9293, 3.7.1
  std::optional<std::uint8_t> window_scale =
      {};  // shift count; at most 14, as a greater one is to be taken (RFC 7323, 2.3)
  std::optional<TcpTimestamps> timestamps = {};  // RFC 7323, 3
  bool sack_permitted = false;                   // RFC 2018, 2
  bool well_formed = true;                       // false: some length made no sense; what came before it is there

  bool operator==(const TcpOptions&) const = default;
};

inline constexpr std::uint8_t max_window_scale = 14;

// `bytes`: what follows the fixed 20 bytes of the header, up to the payload or the end of what was captured. Unknown
// options are passed over; of one that is repeated the last counts, as in most stacks. An option of the wrong length is
// passed over, and makes the whole ill-formed.
[[nodiscard]] TcpOptions tcp_options(std::span<const std::uint8_t> bytes) noexcept;

// `segment`: from the TCP header's first byte on, as captured. Nothing is known of a header that is not all there.
[[nodiscard]] TcpOptions tcp_options_of(std::span<const std::uint8_t> segment) noexcept;

}  // namespace iris::parsers::packet
