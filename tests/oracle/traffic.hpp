// Random captures of many small connections at once, of all kinds: TLS, HTTP, SSH and MQTT; DNS; what is only
// recognised, and what is not; without payload, cut off, joined late, begun anew; by FIN, RST or neither. What they say
// comes from small pools, so that equal values are frequent.
#pragma once

#include "tests/oracle/dialogues.hpp"
#include "tests/oracle/story.hpp"

namespace iris::oracle {

// Of up to `most` connections, the first packet after `start`. In order of time; no more than four seconds but for the
// pauses, so that nothing ends by itself.
[[nodiscard]] Capture random_capture(Random& random, std::size_t most, Timestamp start);

// One conversation, a packet each millisecond, in order. Of TCP with handshake and FIN.
[[nodiscard]] Capture capture_of(const FiveTuple& tuple, const Dialogue& dialogue);

}  // namespace iris::oracle
