// Who speaks which SSH, and what did they agree on?
#include <iris/iris.hpp>

struct ssh {
  iris::Endpoint originator;
  iris::Endpoint responder;
  std::string_view transport;
  std::optional<std::string_view> client_version;
  std::optional<std::string_view> server_version;
  std::optional<std::string_view> hassh;
  std::optional<std::string_view> hassh_server;
  std::optional<std::string_view> kex_algorithm;
  std::optional<std::string_view> host_key_algorithm;
  std::optional<std::string_view> cipher;
  std::optional<std::string_view> mac;
};

IRIS_CALLBACK("ssh")
void log_ssh(const iris::SshHandshake& handshake, const iris::FiveTuple& flow) {
  iris::emit(ssh{flow.originator, flow.responder, iris::name(flow.transport),
                 iris::if_present(handshake.client_version()), iris::if_present(handshake.server_version()),
                 iris::if_present(handshake.hassh()), iris::if_present(handshake.hassh_server()),
                 iris::if_present(handshake.kex_algorithm()), iris::if_present(handshake.host_key_algorithm()),
                 iris::if_present(handshake.cipher()), iris::if_present(handshake.mac())});
}
