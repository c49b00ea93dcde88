// A packet on its way to its connection: decoded, out of its tunnel, its fragments put together.
#pragma once

#include <cstdint>

#include "daemon/source/packet.hpp"
#include "parsers/packet/decode.hpp"

namespace iris::conn {

inline constexpr std::size_t max_burst = 64;

// One frame has several where it is a tunnel's: one for each layer that is wanted.
struct Arrival {
  static constexpr std::uint64_t layers = 16;  // more than any frame has

  source::PacketRef packet;
  parsers::packet::Decoded decoded;  // with DecodeStatus::ok, of packet.bytes()
  // Its place in the run: `layers` times the number of its frame, in the order in which the source handed them out,
  // and how many tunnels are around it.
  std::uint64_t number = 0;
};

}  // namespace iris::conn
