// How a TCP connection fares.
#pragma once

#include <cstdint>

#include <iris/l4_pdu.hpp>
#include <iris/time.hpp>

namespace iris {

// What one end sends, as seen at the tap.
struct TcpDirection {
  std::uint64_t retransmitted_packets = 0;  // segments with data, some of which was seen before; no keep-alives
  std::uint64_t retransmitted_bytes = 0;
  std::uint64_t out_of_order_packets = 0;  // segments that came after later ones and were not seen before
  std::uint64_t inconsistent_bytes = 0;    // repeated with another content; only where the stream is reassembled
  std::uint32_t bytes_in_flight = 0;       // payload sent and not acknowledged, at present; 0 also where no
                                           // acknowledgement was seen
  std::uint32_t max_bytes_in_flight = 0;
  std::uint32_t window = 0;        // offered by this end, latest, scaled where both SYNs were seen (RFC 7323)
  std::uint64_t zero_windows = 0;  // times that the offered window became zero, RSTs left out
  std::uint64_t keep_alives = 0;   // RFC 9293, 3.8.4
  std::uint16_t mss = 0;           // option of its SYN; 0: none seen (RFC 9293, 3.7.1)
  std::uint8_t window_scale = 0;   // option of its SYN
  // From this end's data to its acknowledgement: the way from the tap to the other end and back. Retransmitted data is
  // left out (Karn's algorithm, RFC 6298, 3). Zero where rtt_samples is.
  std::uint64_t rtt_samples = 0;
  Duration min_rtt;
  Duration max_rtt;
  Duration smoothed_rtt;  // RFC 6298, 2
};

// Data type: of both ends, from the first packet to the moment of the call. For UDP all zero.
struct TcpMetrics {
  TcpDirection originator;
  TcpDirection responder;
  // From the SYN to the acknowledgement of the SYN-ACK. Zero: not seen whole, or one of the three was sent again.
  Duration handshake_rtt;

  [[nodiscard]] constexpr const TcpDirection& of(Direction direction) const {
    return direction == Direction::FromOriginator ? originator : responder;
  }
};

}  // namespace iris
