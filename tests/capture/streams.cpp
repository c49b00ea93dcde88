// Every TCP byte in sequence, for score_test.py to compare with what tshark reassembles.
#include <iris/iris.hpp>

struct Piece {
  iris::Endpoint sender;
  iris::Endpoint receiver;
  iris::Timestamp start;  // of the connection: ports are used again
  std::span<const std::uint8_t> bytes;
};

IRIS_CALLBACK("tcp")
IRIS_ON(InL4Stream)
void piece(const iris::Payload& payload, const iris::FiveTuple& flow, const iris::StartTime& start) {
  const bool forward = payload.from_originator();
  iris::emit(Piece{forward ? flow.originator : flow.responder, forward ? flow.responder : flow.originator, start.ts,
                   payload.bytes});
}
