// Which TLS servers are asked for by name, and what was negotiated with them?
#include <iris/iris.hpp>

struct Tls {
  iris::Endpoint originator;
  iris::Endpoint responder;
  std::string_view sni;
  std::optional<std::uint16_t> version;
  std::optional<std::uint16_t> cipher;
};

IRIS_CALLBACK("tls")
void log_tls(const iris::TlsHandshake& tls, const iris::FiveTuple& flow) {
  iris::emit(Tls{flow.originator, flow.responder, tls.sni(), tls.version(), tls.cipher()});
}
