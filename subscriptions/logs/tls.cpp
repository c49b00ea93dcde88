// Who was asked for, what was negotiated, and with which certificates?
#include <iris/iris.hpp>

struct certificate {
  std::string_view sha256;
  std::string_view subject;
  std::string_view issuer;
  std::string_view serial;
  iris::Timestamp not_before;
  iris::Timestamp not_after;
};

struct tls {
  iris::Endpoint originator;
  iris::Endpoint responder;
  std::string_view transport;
  std::optional<std::string_view> sni;
  std::optional<std::string_view> version;
  std::vector<std::string_view> client_versions;
  std::optional<std::string_view> cipher;
  std::span<const std::string_view> client_alpn;
  std::optional<std::string_view> alpn;
  std::optional<std::string_view> ja3;
  std::optional<std::string_view> ja3s;
  std::optional<std::string_view> ja4;
  std::vector<certificate> certificates;
  bool ech;
  bool resumed;
};

IRIS_CALLBACK("tls")
IRIS_ON(L7EndSession) void log_tls(const iris::TlsHandshake& handshake, const iris::FiveTuple& flow) {
  std::vector<std::string_view> versions;
  for (const std::uint16_t version : handshake.client_versions()) {
    if (const auto name = iris::tls_version_name(version); !name.empty()) versions.push_back(name);
  }
  std::vector<certificate> chain;
  for (const iris::TlsCertificate& each : handshake.certificates()) {
    chain.push_back({each.sha256, each.subject, each.issuer, each.serial, each.not_before, each.not_after});
  }
  iris::emit(tls{flow.originator, flow.responder, iris::name(flow.transport), iris::if_present(handshake.sni()),
                 iris::if_present(handshake.version_name()), std::move(versions),
                 iris::if_present(handshake.cipher_name()), handshake.client_alpn(), iris::if_present(handshake.alpn()),
                 iris::if_present(handshake.ja3()), iris::if_present(handshake.ja3s()),
                 iris::if_present(handshake.ja4()), std::move(chain), handshake.ech(), handshake.resumed()});
}
