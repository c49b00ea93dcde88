// A packet on its way to its connection: decoded, out of its tunnel, its fragments put together.
#pragma once

#include <cstdint>
#include <cstring>

#include "daemon/conn/key.hpp"
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

// Whether the packet's sender is the low end of its connection's key.
[[nodiscard]] inline bool source_is_low(const parsers::packet::Decoded& decoded) noexcept {
  const int order = std::memcmp(decoded.src_ip.data(), decoded.dst_ip.data(), decoded.src_ip.size());
  return order != 0 ? order < 0 : decoded.src_port <= decoded.dst_port;
}

// The key of the packet's connection, but for its realm.
inline void write_key(const parsers::packet::Decoded& decoded, bool from_low, Key& key) noexcept {
  key.low_ip = from_low ? decoded.src_ip : decoded.dst_ip;
  key.high_ip = from_low ? decoded.dst_ip : decoded.src_ip;
  key.low_port = from_low ? decoded.src_port : decoded.dst_port;
  key.high_port = from_low ? decoded.dst_port : decoded.src_port;
  key.transport = decoded.transport;
  key.version = decoded.version;
}

}  // namespace iris::conn
