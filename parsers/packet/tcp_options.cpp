#include "parsers/packet/tcp_options.hpp"

#include <algorithm>

#include "parsers/bytes.hpp"

namespace iris::parsers::packet {
namespace {

// https://www.iana.org/assignments/tcp-parameters
enum Kind : std::uint8_t { end = 0, no_operation = 1, mss = 2, window_scale = 3, sack_permitted = 4, timestamps = 8 };

// The length that the option must have, its kind and length included; 0: any.
std::size_t length_of(std::uint8_t kind) {
  switch (kind) {
    case mss:
      return 4;
    case window_scale:
      return 3;
    case sack_permitted:
      return 2;
    case timestamps:
      return 10;
    default:
      return 0;
  }
}

// `value` has the kind's length.
void take(std::uint8_t kind, const std::uint8_t* value, TcpOptions& options) {
  switch (kind) {
    case mss:
      options.mss = load16(value);
      break;
    case window_scale:
      options.window_scale = std::min(*value, max_window_scale);
      break;
    case sack_permitted:
      options.sack_permitted = true;
      break;
    case timestamps:
      options.timestamps = TcpTimestamps{load32(value), load32(value + 4)};
      break;
    default:
      break;
  }
}

}  // namespace

TcpOptions tcp_options(std::span<const std::uint8_t> bytes) noexcept {
  TcpOptions options;
  while (!bytes.empty() && bytes[0] != end) {
    if (bytes[0] == no_operation) {
      bytes = bytes.subspan(1);
      continue;
    }
    if (bytes.size() < 2 || bytes[1] < 2 || bytes[1] > bytes.size()) {
      options.well_formed = false;
      return options;
    }
    const std::size_t expected = length_of(bytes[0]);
    if (expected == 0 || bytes[1] == expected) {
      take(bytes[0], bytes.data() + 2, options);
    } else {
      options.well_formed = false;
    }
    bytes = bytes.subspan(bytes[1]);
  }
  return options;
}

TcpOptions tcp_options_of(std::span<const std::uint8_t> segment) noexcept {
  constexpr std::size_t fixed = 20;
  if (segment.size() < fixed) return {.well_formed = false};
  const std::size_t header = std::size_t{segment[12]} >> 4U << 2U;
  if (header < fixed) return {.well_formed = false};
  TcpOptions options = tcp_options(segment.subspan(fixed, std::min(header, segment.size()) - fixed));
  if (header > segment.size()) options.well_formed = false;
  return options;
}

}  // namespace iris::parsers::packet
