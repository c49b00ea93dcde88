// One transport segment or datagram with its context.
#pragma once

#include <cstdint>
#include <span>

#include <iris/net.hpp>
#include <iris/time.hpp>

namespace iris {

enum class Direction : std::uint8_t { FromOriginator = 0, FromResponder = 1 };

// TCP header flags (RFC 9293, 3.1).
namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10, urg = 0x20;
}

// Data type: a segment or datagram. Valid only during the call.
//
// At `L4FirstPacket`, `L4EndHshk` and `InL4Conn` it is the packet as it arrived. At `InL4Stream` it is a piece of
// the reassembled stream: `payload` holds bytes never delivered before, and `sequence` is that of its first byte. A
// piece that had to wait for others still has the time and header of the packet that brought it. Urgent data stays in
// line (RFC 6093).
struct L4Pdu {
  std::span<const std::uint8_t> payload;  // after the transport header
  Timestamp ts;                           // capture time
  std::uint32_t wire_length = 0;          // bytes of the frame on the wire, link header included
  std::uint32_t sequence = 0;             // TCP: of the first payload byte (or the SYN); host order
  std::uint32_t acknowledgement = 0;      // TCP; host order
  // InL4Stream, both 0 almost always. Bytes missing before `payload`: lost by the tap or cut off by the capture. Where
  // nothing follows them yet, `payload` is empty, and `sequence` is where it would begin.
  std::uint32_t gap = 0;
  // Bytes of `payload` that also arrived with another content before the piece was delivered. What arrives after the
  // delivery is not compared.
  std::uint32_t inconsistent = 0;
  std::uint16_t window = 0;  // TCP, unscaled
  std::uint8_t flags = 0;    // TCP: tcp_flag bits
  Direction direction = Direction::FromOriginator;
  Transport transport = Transport::Tcp;

  [[nodiscard]] constexpr bool from_originator() const { return direction == Direction::FromOriginator; }
};

// Data type: the payload of the packet at hand, for those who need no more of an L4Pdu. Exists at the same events, and
// means the same there. Valid only during the call.
struct Payload {
  std::span<const std::uint8_t> bytes;
  Direction direction = Direction::FromOriginator;

  [[nodiscard]] constexpr bool from_originator() const { return direction == Direction::FromOriginator; }
};

}  // namespace iris
