// How much does each web connection carry, either way, and how does it end?
#include <iris/iris.hpp>

struct WebVolume {
  iris::Endpoint client;
  iris::Endpoint server;
  std::uint64_t bytes_up;
  std::uint64_t bytes_down;
  iris::Duration duration;
  iris::EndReason end;
};

IRIS_CALLBACK("tcp.port = 443 or tcp.port = 80")
void web_volume(const iris::ConnRecord& conn) {
  iris::emit(WebVolume{conn.tuple.originator, conn.tuple.responder, conn.originator.payload_bytes,
                       conn.responder.payload_bytes, conn.duration(), conn.end});
}
