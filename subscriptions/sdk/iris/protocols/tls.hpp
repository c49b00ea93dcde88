// TLS sessions as authors see them (RFC 8446, RFC 5246; the hello of RFC 6101 and of SSLv2 too).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <iris/net.hpp>
#include <iris/time.hpp>

namespace iris {

// An X.509 certificate (RFC 5280). Views are valid as long as the handshake.
struct TlsCertificate {
  std::string_view sha256;   // of its DER bytes, lower-case hex
  std::string_view subject;  // RFC 4514: "CN=example.org,O=Example"
  std::string_view issuer;
  std::string_view serial;  // lower-case hex, without leading zeros
  Timestamp not_before;
  Timestamp not_after;
  std::string_view key_type;  // "RSA", "EC", "ED25519", ...
  std::uint32_t key_bits = 0;
  // Of the extension subjectAltName (RFC 5280, 4.2.1.6).
  std::span<const std::string_view> dns_names;
  std::span<const IpAddress> ip_addresses;
  std::span<const std::string_view> emails;
  std::span<const std::string_view> uris;
  std::span<const std::uint8_t> der;  // as sent
};

struct TlsAlert {
  std::uint8_t level = 0;        // 1 warning, 2 fatal
  std::uint8_t description = 0;  // RFC 8446, 6; 40 is handshake_failure
};

// "TLSv1.3" for 0x0304. Empty for what is no version of SSL or TLS: GREASE and drafts.
[[nodiscard]] constexpr std::string_view tls_version_name(std::uint16_t version) {
  switch (version) {
    case 0x0002:
      return "SSLv2";
    case 0x0300:
      return "SSLv3";
    case 0x0301:
      return "TLSv1.0";
    case 0x0302:
      return "TLSv1.1";
    case 0x0303:
      return "TLSv1.2";
    case 0x0304:
      return "TLSv1.3";
    default:
      return {};
  }
}

struct TlsHandshake;

namespace detail {
// Implemented by the host, parsers/tls. They remember what they computed.
extern "C" {
const std::string_view* iris_tls_ja3(const void* handshake) noexcept;
const std::string_view* iris_tls_ja3s(const void* handshake) noexcept;
const std::string_view* iris_tls_ja4(const void* handshake) noexcept;
const std::string_view* iris_tls_ja3_text(const void* handshake) noexcept;
const std::string_view* iris_tls_ja3s_text(const void* handshake) noexcept;
const std::string_view* iris_tls_cipher_name(const void* handshake) noexcept;
const std::string_view* iris_tls_version_name(const void* handshake) noexcept;
const std::span<const TlsCertificate>* iris_tls_certificates(const TlsHandshake* handshake, bool of_client) noexcept;
}
}  // namespace detail

// Data type: what a TLS handshake tells in clear. At L7EndHdrs both hellos were parsed; or, `complete() == false`, one
// of them, where the connection ended or lost bytes before the other. At L7EndSession all is there that follows in
// clear: certificates (up to TLS 1.2), alerts, whether a session was resumed. Valid only during the call.
//
// Numbers are those on the wire (IANA registries), GREASE values (RFC 8701) included. What was not seen is absent:
// text with data() == nullptr, an empty span, or std::nullopt. Behind a HelloRetryRequest the first ClientHello counts.
struct TlsHandshake {
  using Numbers = std::span<const std::uint16_t>;
  using Bytes = std::span<const std::uint8_t>;

  // Filled by the parser. Authors use the accessors below.
  struct Layout {
    std::string_view sni;
    std::string_view alpn;
    Numbers client_versions;
    Numbers client_ciphers;
    Numbers client_extensions;
    Numbers client_groups;
    Numbers client_key_shares;
    Numbers client_signature_algorithms;
    Numbers server_extensions;
    std::span<const std::string_view> client_alpn;
    Bytes client_random;
    Bytes client_session_id;
    Bytes client_compressions;
    Bytes client_point_formats;
    Bytes server_random;
    Bytes server_session_id;
    std::span<const Bytes> server_chain;  // DER
    std::span<const Bytes> client_chain;
    std::optional<std::uint16_t> client_version;
    std::optional<std::uint16_t> server_version;
    std::optional<std::uint16_t> version;
    std::optional<std::uint16_t> cipher;
    std::optional<std::uint16_t> group;
    std::optional<std::uint8_t> compression;
    std::optional<TlsAlert> client_alert;
    std::optional<TlsAlert> server_alert;
    bool complete = false;
    bool ech = false;
    bool psk_offered = false;
    bool early_data = false;
    bool retried = false;
    bool resumed = false;
    bool quic = false;
    // For what is computed when it is asked for.
    void* arena = nullptr;
    struct Computed;
    mutable Computed* computed = nullptr;
  } layout;

  // ---- ClientHello
  // Server name (RFC 6066), as sent; empty where absent.
  [[nodiscard]] std::string_view sni() const { return layout.sni; }
  [[nodiscard]] bool has_sni() const { return layout.sni.data() != nullptr; }
  [[nodiscard]] std::span<const std::string_view> client_alpn() const { return layout.client_alpn; }  // RFC 7301
  // supported_versions; where it is absent, the hello's one version.
  [[nodiscard]] Numbers client_versions() const { return layout.client_versions; }
  [[nodiscard]] Numbers client_ciphers() const { return layout.client_ciphers; }
  [[nodiscard]] Numbers client_extensions() const { return layout.client_extensions; }  // types, in order
  [[nodiscard]] Numbers client_groups() const { return layout.client_groups; }          // RFC 8446, 4.2.7
  [[nodiscard]] Numbers client_key_shares() const { return layout.client_key_shares; }  // groups of its key shares
  [[nodiscard]] Numbers client_signature_algorithms() const { return layout.client_signature_algorithms; }
  [[nodiscard]] Bytes client_random() const { return layout.client_random; }
  [[nodiscard]] Bytes client_session_id() const { return layout.client_session_id; }
  [[nodiscard]] Bytes client_compressions() const { return layout.client_compressions; }
  [[nodiscard]] Bytes client_point_formats() const { return layout.client_point_formats; }             // RFC 8422
  [[nodiscard]] std::optional<std::uint16_t> client_version() const { return layout.client_version; }  // legacy_version
  // The extension encrypted_client_hello was sent: sni() is then that of the outer hello. GREASE sends it, too.
  [[nodiscard]] bool ech() const { return layout.ech; }
  [[nodiscard]] bool psk_offered() const { return layout.psk_offered; }  // pre_shared_key
  [[nodiscard]] bool early_data() const { return layout.early_data; }    // 0-RTT

  // ---- ServerHello
  // Application protocol that the server chose in clear; TLS 1.3 encrypts it.
  [[nodiscard]] std::string_view alpn() const { return layout.alpn; }
  // Negotiated, 0x0304 for TLS 1.3; absent where no ServerHello was seen.
  [[nodiscard]] std::optional<std::uint16_t> version() const { return layout.version; }
  [[nodiscard]] std::string_view version_name() const { return *detail::iris_tls_version_name(this); }  // "TLSv1.3"
  [[nodiscard]] std::optional<std::uint16_t> server_version() const { return layout.server_version; }  // legacy_version
  [[nodiscard]] std::optional<std::uint16_t> cipher() const { return layout.cipher; }
  // IANA's name: "TLS_AES_128_GCM_SHA256"; where it has none, "0x1a2b".
  [[nodiscard]] std::string_view cipher_name() const { return *detail::iris_tls_cipher_name(this); }
  [[nodiscard]] std::optional<std::uint16_t> group() const { return layout.group; }  // of its key share: TLS 1.3
  [[nodiscard]] std::optional<std::uint8_t> compression() const { return layout.compression; }
  [[nodiscard]] Numbers server_extensions() const { return layout.server_extensions; }
  [[nodiscard]] Bytes server_random() const { return layout.server_random; }
  [[nodiscard]] Bytes server_session_id() const { return layout.server_session_id; }
  [[nodiscard]] bool retried() const { return layout.retried; }  // a HelloRetryRequest came before

  // ---- what follows, at L7EndSession
  // A session was resumed, by its id or a ticket, or with a pre-shared key.
  [[nodiscard]] bool resumed() const { return layout.resumed; }
  // The server's chain as sent, its own certificate first; those that do not parse are left out. Parsed at the first
  // call. TLS 1.3 encrypts it.
  [[nodiscard]] std::span<const TlsCertificate> certificates() const {
    return *detail::iris_tls_certificates(this, false);
  }
  [[nodiscard]] std::span<const TlsCertificate> client_certificates() const {
    return *detail::iris_tls_certificates(this, true);
  }
  // The first in clear from either side.
  [[nodiscard]] std::optional<TlsAlert> client_alert() const { return layout.client_alert; }
  [[nodiscard]] std::optional<TlsAlert> server_alert() const { return layout.server_alert; }

  // Both hellos were seen whole.
  [[nodiscard]] bool complete() const { return layout.complete; }

  // ---- fingerprints, computed at the first call; lower-case hex. Absent without the hello that they are of.
  // https://github.com/salesforce/ja3: MD5 of ja3_text().
  [[nodiscard]] std::string_view ja3() const { return *detail::iris_tls_ja3(this); }
  [[nodiscard]] std::string_view ja3s() const { return *detail::iris_tls_ja3s(this); }
  [[nodiscard]] std::string_view ja3_text() const { return *detail::iris_tls_ja3_text(this); }
  [[nodiscard]] std::string_view ja3s_text() const { return *detail::iris_tls_ja3s_text(this); }
  // https://github.com/FoxIO-LLC/ja4: of the client.
  [[nodiscard]] std::string_view ja4() const { return *detail::iris_tls_ja4(this); }
};

}  // namespace iris
