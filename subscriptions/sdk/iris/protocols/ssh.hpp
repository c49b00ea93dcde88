// SSH handshakes as authors see them (RFC 4253).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace iris {

// The lists of a SSH_MSG_KEXINIT (RFC 4253, 7.1), as sent, in order of preference.
struct SshKexInit {
  using Names = std::span<const std::string_view>;

  Names kex_algorithms;
  Names server_host_key_algorithms;
  Names encryption_client_to_server;
  Names encryption_server_to_client;
  Names mac_client_to_server;
  Names mac_server_to_client;
  Names compression_client_to_server;
  Names compression_server_to_client;
  Names languages_client_to_server;
  Names languages_server_to_client;
  std::span<const std::uint8_t> cookie;
  bool first_kex_packet_follows = false;
};

// Of an identification line (RFC 4253, 4.2). data() == nullptr: absent.
struct SshIdentification {
  std::string_view line{};      // whole, without line end: "SSH-2.0-OpenSSH_9.2p1 Debian-2"
  std::string_view protocol{};  // "2.0"
  std::string_view software{};  // "OpenSSH_9.2p1"
  std::string_view comments{};  // "Debian-2"
};

namespace detail {
// Implemented by the host, parsers/ssh. They remember what they computed.
extern "C" {
const std::string_view* iris_ssh_hassh(const void* handshake) noexcept;
const std::string_view* iris_ssh_hassh_server(const void* handshake) noexcept;
const std::string_view* iris_ssh_host_key_fingerprint(const void* handshake) noexcept;
}
}  // namespace detail

// Data type: what an SSH handshake tells in clear. At L7EndHdrs both KEXINITs were parsed; or, `complete() == false`,
// what there was when the connection ended or lost bytes. At L7EndSession the server's host key is there, too, where
// the key exchange shows it. Text that is absent has data() == nullptr. Valid only during the call.
struct SshHandshake {
  // Filled by the parser. Authors use the accessors below.
  struct Layout {
    SshIdentification client;
    SshIdentification server;
    SshKexInit client_kex;
    SshKexInit server_kex;
    std::string_view kex_algorithm;
    std::string_view host_key_algorithm;
    std::string_view cipher;
    std::string_view mac;
    std::string_view compression;
    std::span<const std::uint8_t> host_key;
    bool complete = false;
    void* arena = nullptr;
    struct Computed;
    mutable Computed* computed = nullptr;
  } layout;

  [[nodiscard]] const SshIdentification& client() const { return layout.client; }
  [[nodiscard]] const SshIdentification& server() const { return layout.server; }
  // The whole identification lines.
  [[nodiscard]] std::string_view client_version() const { return layout.client.line; }
  [[nodiscard]] std::string_view server_version() const { return layout.server.line; }
  [[nodiscard]] const SshKexInit& client_kex() const { return layout.client_kex; }
  [[nodiscard]] const SshKexInit& server_kex() const { return layout.server_kex; }
  // Negotiated (RFC 4253, 7.1): the client's first that the server has, too. Of cipher, MAC and compression those from
  // client to server. There is no MAC beside a cipher that authenticates by itself, whatever the lists say.
  [[nodiscard]] std::string_view kex_algorithm() const { return layout.kex_algorithm; }
  [[nodiscard]] std::string_view host_key_algorithm() const { return layout.host_key_algorithm; }
  [[nodiscard]] std::string_view cipher() const { return layout.cipher; }
  [[nodiscard]] std::string_view mac() const { return layout.mac; }
  [[nodiscard]] std::string_view compression() const { return layout.compression; }
  // https://github.com/salesforce/hassh, lower-case hex; computed at the first call.
  [[nodiscard]] std::string_view hassh() const { return *detail::iris_ssh_hassh(this); }
  [[nodiscard]] std::string_view hassh_server() const { return *detail::iris_ssh_hassh_server(this); }
  // The server's public key (RFC 4253, 6.6); empty where it was not seen.
  [[nodiscard]] std::span<const std::uint8_t> host_key() const { return layout.host_key; }
  // As OpenSSH shows it: "SHA256:..." in base64.
  [[nodiscard]] std::string_view host_key_fingerprint() const { return *detail::iris_ssh_host_key_fingerprint(this); }
  // Both identifications and both KEXINITs were seen.
  [[nodiscard]] bool complete() const { return layout.complete; }
};

}  // namespace iris
