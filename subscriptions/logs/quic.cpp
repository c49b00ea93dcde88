// Who was asked for over QUIC, and in which version?
#include <iris/iris.hpp>

struct quic {
  iris::Endpoint originator;
  iris::Endpoint responder;
  std::string_view transport;
  std::optional<std::string_view> version;
  std::span<const std::uint8_t> client_dcid;
  std::span<const std::uint8_t> client_scid;
  std::optional<std::string_view> sni;
  std::span<const std::string_view> client_alpn;
  std::optional<std::string_view> ja3;
  std::optional<std::string_view> ja4;
  bool retry;
  bool zero_rtt;
};

IRIS_CALLBACK("quic")
IRIS_ON(L7EndSession) void log_quic(const iris::QuicConnection& connection, const iris::FiveTuple& flow) {
  iris::emit(quic{flow.originator, flow.responder, iris::name(flow.transport),
                  iris::if_present(connection.version_name()), connection.client_dcid(), connection.client_scid(),
                  iris::if_present(connection.sni()), connection.client_alpn(),
                  iris::if_present(connection.tls().ja3()), iris::if_present(connection.tls().ja4()),
                  connection.retry(), connection.zero_rtt()});
}
