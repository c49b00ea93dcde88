// The points in a connection's life at which functions run; and packets, which need no connection.
#pragma once

#include <cstdint>
#include <string_view>

namespace iris {

// Those of connections in the order in which they can first happen.
enum class Event : std::uint8_t {
  L4FirstPacket = 0,  // the connection's first packet, TCP or UDP
  L4EndHshk = 1,      // TCP only: SYN and its acknowledgement were seen from both sides
  InL4Conn = 2,       // every packet, in order of arrival, the first included
  InL4Stream = 3,     // every TCP segment's new payload, in sequence order; every UDP payload
  L7OnDisc = 4,       // the application protocol was identified, or given up; again behind a CONNECT or an upgrade
  L7EndHdrs = 5,      // a session's headers were parsed; once for each session
  L7InSession = 6,    // a piece of what a session carries behind its headers: an HTTP body
  L7EndSession = 7,   // a session's message is complete, or cut off; once for each session, after its L7EndHdrs
  // The end: FIN both ways or RST and no late packet for some seconds (configured; 5), inactivity, end of input, or
  // removal of the subscription.
  L4Terminated = 8,
  Packet = 9,  // every captured frame, IP or not, one by one; has nothing to do with connections

  ConnTerminated = L4Terminated,
};
inline constexpr unsigned event_count = 10;

// As IRIS_ON takes it.
[[nodiscard]] constexpr std::string_view name(Event event) {
  constexpr std::string_view names[event_count] = {"L4FirstPacket", "L4EndHshk", "InL4Conn",    "InL4Stream",
                                                   "L7OnDisc",      "L7EndHdrs", "L7InSession", "L7EndSession",
                                                   "L4Terminated",  "Packet"};
  return names[static_cast<unsigned>(event)];
}

}  // namespace iris
