// TLS sessions as authors see them (RFC 8446, RFC 5246; the hello of RFC 6101 and of SSLv2 too).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace iris {

// Data type: what a TLS handshake tells in clear. Ready when the ServerHello was parsed; or, `complete() == false`,
// when the connection ended or lost bytes after the ClientHello. Valid only during the call.
//
// Numbers are those on the wire (IANA registries), GREASE values (RFC 8701) included.
struct TlsHandshake {
  // Filled by the parser. Authors use the accessors below.
  struct Layout {
    std::string_view sni;                            // data() == nullptr: the extension is absent
    std::string_view alpn;                           // data() == nullptr: the server chose none, or not in clear
    std::span<const std::uint16_t> client_versions;  // supported_versions, else the hello's one version
    std::span<const std::uint16_t> client_ciphers;
    std::span<const std::string_view> client_alpn;
    std::optional<std::uint16_t> client_version;  // legacy_version of the ClientHello
    std::optional<std::uint16_t> version;         // negotiated: supported_versions of the ServerHello, or its version
    std::optional<std::uint16_t> cipher;          // chosen by the server
    bool complete = false;
  } layout;

  // Server name of the ClientHello (RFC 6066), as sent; empty where absent.
  [[nodiscard]] std::string_view sni() const { return layout.sni; }
  [[nodiscard]] bool has_sni() const { return layout.sni.data() != nullptr; }
  // Application protocol that the server chose in clear (RFC 7301); TLS 1.3 encrypts it.
  [[nodiscard]] std::string_view alpn() const { return layout.alpn; }
  [[nodiscard]] std::span<const std::string_view> client_alpn() const { return layout.client_alpn; }
  [[nodiscard]] std::span<const std::uint16_t> client_versions() const { return layout.client_versions; }
  [[nodiscard]] std::span<const std::uint16_t> client_ciphers() const { return layout.client_ciphers; }
  [[nodiscard]] std::optional<std::uint16_t> client_version() const { return layout.client_version; }
  // Negotiated version, 0x0304 for TLS 1.3; absent where no ServerHello was seen.
  [[nodiscard]] std::optional<std::uint16_t> version() const { return layout.version; }
  [[nodiscard]] std::optional<std::uint16_t> cipher() const { return layout.cipher; }
  // Both hellos were seen whole.
  [[nodiscard]] bool complete() const { return layout.complete; }
};

}  // namespace iris
