// What other engines say and the default analysis does not.
#include <iris/iris.hpp>

struct Ssh {
  iris::Endpoint originator, responder;
  std::optional<std::string_view> client_protocol, client_software, server_protocol, server_software;
  std::optional<std::string_view> host_key_fingerprint;
  std::span<const std::uint8_t> host_key;
};
struct Http {
  iris::Endpoint originator, responder;
  std::optional<std::string_view> content_range, server;
};
struct Quic {
  iris::Endpoint originator, responder;
  std::span<const std::uint8_t> server_scid;
  std::optional<std::string_view> tls_version, tls_cipher, user_agent;
  std::optional<std::uint16_t> group;
  std::vector<std::string_view> client_versions;
  bool resumed;
};
struct Certificate {
  iris::Endpoint originator, responder;
  std::uint32_t place;
  std::string_view sha256, serial, subject, issuer, key_type;
  iris::Timestamp not_before, not_after;
  std::uint32_t key_bits;
  std::span<const std::string_view> dns_names;
};

IRIS_CALLBACK("ssh")
IRIS_ON(L7EndSession) void ssh(const iris::FiveTuple& flow, const iris::SshHandshake& ssh) {
  const iris::SshIdentification& client = ssh.client();
  const iris::SshIdentification& server = ssh.server();
  iris::emit(Ssh{flow.originator, flow.responder, iris::if_present(client.protocol), iris::if_present(client.software),
                 iris::if_present(server.protocol), iris::if_present(server.software),
                 iris::if_present(ssh.host_key_fingerprint()), ssh.host_key()});
}

IRIS_CALLBACK("http")
IRIS_ON(L7EndSession) void http(const iris::FiveTuple& flow, const iris::HttpTransaction& http) {
  iris::emit(Http{flow.originator, flow.responder, iris::if_present(http.response_header("content-range")),
                  iris::if_present(http.response_header("server"))});
}

IRIS_CALLBACK("quic")
IRIS_ON(L7EndSession) void quic(const iris::FiveTuple& flow, const iris::QuicConnection& quic) {
  const iris::TlsHandshake& tls = quic.tls();
  std::vector<std::string_view> versions;
  for (const std::uint16_t version : tls.client_versions()) {
    if (const auto name = iris::tls_version_name(version); !name.empty()) versions.push_back(name);
  }
  iris::emit(Quic{flow.originator, flow.responder, quic.server_scid(), iris::if_present(tls.version_name()),
                  iris::if_present(tls.cipher_name()), iris::if_present(quic.user_agent()), tls.group(),
                  std::move(versions), tls.resumed()});
}

IRIS_CALLBACK("tls")
IRIS_ON(L7EndSession) void certificates(const iris::FiveTuple& flow, const iris::TlsHandshake& tls) {
  std::uint32_t place = 0;
  for (const iris::TlsCertificate& each : tls.certificates()) {
    iris::emit(Certificate{flow.originator, flow.responder, place++, each.sha256, each.serial, each.subject,
                           each.issuer, each.key_type, each.not_before, each.not_after, each.key_bits, each.dns_names});
  }
}
