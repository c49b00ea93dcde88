#include "parsers/ssh/schema.hpp"

#include <array>
#include <cstddef>

#include <iris/protocols/ssh.hpp>

#include "parsers/fields.hpp"
#include "parsers/sdk_functions.hpp"
#include "parsers/ssh/parser.hpp"
#include "parsers/ssh/probe.hpp"

namespace iris::parsers::ssh {
namespace {

using fields::text;
using fields::texts;

#define IRIS_SSH(member) offsetof(SshHandshake, layout) + offsetof(SshHandshake::Layout, member)
#define IRIS_KEX(side, member) IRIS_SSH(side) + offsetof(SshKexInit, member)
#define IRIS_LINE(side, member) IRIS_SSH(side) + offsetof(SshIdentification, member)

constexpr std::array own{
    text("client_version", IRIS_LINE(client, line), "the client's identification line"),
    text("server_version", IRIS_LINE(server, line), "the server's identification line"),
    text("protocol_version_ctos", IRIS_LINE(client, protocol), "the client's: 2.0"),
    text("protocol_version_stoc", IRIS_LINE(server, protocol), "the server's"),
    text("software_version_ctos", IRIS_LINE(client, software), "the client's: OpenSSH_9.2p1"),
    text("software_version_stoc", IRIS_LINE(server, software), "the server's"),
    text("comments_ctos", IRIS_LINE(client, comments), "behind the client's software"),
    text("comments_stoc", IRIS_LINE(server, comments), "behind the server's"),
    text("kex_algorithm", IRIS_SSH(kex_algorithm), "negotiated key exchange"),
    text("host_key_algorithm", IRIS_SSH(host_key_algorithm), "negotiated host key algorithm"),
    text("cipher", IRIS_SSH(cipher), "negotiated, from client to server"),
    text("mac", IRIS_SSH(mac), "negotiated, from client to server; absent where the cipher authenticates by itself"),
    text("compression", IRIS_SSH(compression), "negotiated, from client to server"),
    text("hassh", {"iris_ssh_hassh", &detail::iris_ssh_hassh}, "fingerprint of the client's KEXINIT"),
    text("hassh_server", {"iris_ssh_hassh_server", &detail::iris_ssh_hassh_server}, "of the server's"),
    texts("kex_algs_ctos", IRIS_KEX(client_kex, kex_algorithms), "key exchanges that the client offers"),
    texts("kex_algs_stoc", IRIS_KEX(server_kex, kex_algorithms), "key exchanges that the server offers"),
    texts("server_host_key_algs_ctos", IRIS_KEX(client_kex, server_host_key_algorithms), "that the client accepts"),
    texts("server_host_key_algs_stoc", IRIS_KEX(server_kex, server_host_key_algorithms), "that the server has"),
    texts("encryption_algs_ctos", IRIS_KEX(client_kex, encryption_client_to_server), "ciphers that the client offers"),
    texts("encryption_algs_stoc", IRIS_KEX(server_kex, encryption_server_to_client), "ciphers that the server offers"),
    texts("mac_algs_ctos", IRIS_KEX(client_kex, mac_client_to_server), "MACs that the client offers"),
    texts("mac_algs_stoc", IRIS_KEX(server_kex, mac_server_to_client), "MACs that the server offers"),
    texts("compression_algs_ctos", IRIS_KEX(client_kex, compression_client_to_server), "that the client offers"),
    texts("compression_algs_stoc", IRIS_KEX(server_kex, compression_server_to_client), "that the server offers"),
    texts("languages_ctos", IRIS_KEX(client_kex, languages_client_to_server), "that the client names"),
    texts("languages_stoc", IRIS_KEX(server_kex, languages_server_to_client), "that the server names"),
};
#undef IRIS_SSH
#undef IRIS_KEX
#undef IRIS_LINE
constexpr auto all = fields::with_parts<own>();

std::span<const SdkFunction> functions() noexcept {
  static const std::array list{
      sdk_function("iris_ssh_host_key_fingerprint", &detail::iris_ssh_host_key_fingerprint),
  };
  return list;
}

}  // namespace

constinit const Protocol protocol{.name = "ssh",
                                  .fields = all,
                                  .implies = "tcp",
                                  .session_type = "iris::SshHandshake",
                                  .probe = probe,
                                  .create = create,
                                  .sdk_functions = functions};

}  // namespace iris::parsers::ssh
