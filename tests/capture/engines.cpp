// What other engines say of SSH and HTTP and the default analysis does not.
#include <iris/iris.hpp>

struct Ssh {
  iris::Endpoint originator, responder;
  std::optional<std::string_view> client_protocol, client_software, server_protocol, server_software;
  std::optional<std::string_view> host_key_fingerprint;
  std::span<const std::uint8_t> host_key;
};
struct Http {
  iris::Endpoint originator, responder;
  std::optional<std::string_view> content_range;
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
  iris::emit(Http{flow.originator, flow.responder, iris::if_present(http.response_header("content-range"))});
}
