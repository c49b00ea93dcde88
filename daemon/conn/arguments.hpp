// What the parameters of user code refer to at the moment of a call.
#pragma once

#include <iris/conn_parts.hpp>
#include <iris/link.hpp>

#include "daemon/conn/connection.hpp"
#include "daemon/conn/pipeline.hpp"

namespace iris::conn {

// What happens, as user code is told of it.
struct Occasion {
  Event event = Event::L4FirstPacket;
  Timestamp ts;
  const L4Pdu* pdu = nullptr;         // at events of packets
  const void* session = nullptr;      // at L7EndHdrs, L7InSession and L7EndSession
  const SessionData* data = nullptr;  // at L7InSession
  bool late = false;                  // a filter became true after the session's own events
};

// One a worker; used by its thread only.
class Arguments {
 public:
  // Valid until the next call for the same data type, or until the connection or the occasion changes. nullptr: there
  // is none, or there was no memory to keep it.
  [[nodiscard]] const void* of(Argument type, const Connection& connection, const Active& active,
                               const Occasion& occasion) noexcept;

 private:
  // What is put together from the connection when it is asked for.
  Payload payload_;
  PktCount packets_;
  ByteCount bytes_;
  ConnHistory history_;
  ConnDuration duration_;
  StartTime start_;
  Vlan vlan_;
  Service service_;
};

}  // namespace iris::conn
