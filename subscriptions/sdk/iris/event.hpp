// The points in a connection's life at which functions run.
#pragma once

#include <cstdint>

namespace iris {

// In the order in which they can first happen. Values are part of the binary interface: append only.
enum class Event : std::uint8_t {
  L4FirstPacket = 0,  // the connection's first packet, TCP or UDP
  L4EndHshk = 1,      // TCP only: SYN and its acknowledgement were seen from both sides
  InL4Conn = 2,       // every packet, in order of arrival, the first included
  InL4Stream = 3,     // every TCP segment's new payload, in sequence order; every UDP payload
  L7OnDisc = 4,       // the application protocol was identified, or given up
  L7EndHdrs = 5,      // a session's headers were parsed; once for each session
  // The end: FIN both ways or RST and no late packet for some seconds (configured; 5), inactivity, end of input, or
  // removal of the subscription.
  L4Terminated = 6,

  ConnTerminated = L4Terminated,
};
inline constexpr unsigned event_count = 7;

}  // namespace iris
