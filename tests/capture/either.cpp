// TLS and QUIC say the same of a handshake: a filter may ask either.
#include <iris/iris.hpp>

struct Named {
  iris::Endpoint originator, responder;
};
struct Printed {
  iris::Endpoint originator, responder;
};
struct Either {
  iris::Endpoint originator, responder;
};

IRIS_CALLBACK("tls.sni contains '.example.' or quic.sni contains '.example.'")
void named(const iris::FiveTuple& flow) { iris::emit(Named{flow.originator, flow.responder}); }

IRIS_CALLBACK("tls.ja4 contains 't13d' or quic.ja4 contains 'q13d'")
void printed(const iris::FiveTuple& flow) { iris::emit(Printed{flow.originator, flow.responder}); }

IRIS_CALLBACK("tls or quic")
void either(const iris::FiveTuple& flow) { iris::emit(Either{flow.originator, flow.responder}); }
