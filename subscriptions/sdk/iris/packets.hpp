// Packets kept as they came, from the beginning of a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <iris/l4_pdu.hpp>
#include <iris/time.hpp>

namespace iris {

// A packet as it arrived.
struct KeptPacket {
  std::span<const std::uint8_t> frame;  // from the link header on, as far as it was captured
  Timestamp ts;                         // capture time
  std::uint32_t wire_length = 0;        // bytes on the wire
  Direction direction = Direction::FromOriginator;
};

namespace detail {
// As the host hands it over, with as many packets as anybody asked for.
struct PacketList {
  const KeptPacket* packets = nullptr;
  std::size_t count = 0;
};

template <std::size_t N>
struct FirstOf : private PacketList {
  static_assert(N >= 1 && N <= 64, "Iris keeps from 1 to 64 packets");

  [[nodiscard]] constexpr std::size_t size() const { return count < N ? count : N; }
  [[nodiscard]] constexpr bool empty() const { return count == 0; }
  [[nodiscard]] constexpr const KeptPacket& operator[](std::size_t i) const { return packets[i]; }
  [[nodiscard]] constexpr const KeptPacket* begin() const { return packets; }
  [[nodiscard]] constexpr const KeptPacket* end() const { return packets + size(); }
};
}  // namespace detail

// Data types: the connection's first packets, of both ends or of one, at most N of them and 64 KiB: a packet that would
// exceed it is left out, with all behind it. Kept from the connection's start, before the filter is decided, and once
// for all subscriptions. A function that takes one runs at L4Terminated unless IRIS_ON says otherwise. Valid only
// during the call.
template <std::size_t N>
struct FirstPackets : detail::FirstOf<N> {};
template <std::size_t N>
struct OriginatorPackets : detail::FirstOf<N> {};
template <std::size_t N>
struct ResponderPackets : detail::FirstOf<N> {};

}  // namespace iris
