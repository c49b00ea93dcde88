#include "parsers/tls/schema.hpp"

#include <array>
#include <cstddef>

#include <iris/protocols/tls.hpp>

#include "parsers/fields.hpp"
#include "parsers/sdk_functions.hpp"
#include "parsers/tls/parser.hpp"
#include "parsers/tls/probe.hpp"

namespace iris::parsers::tls {
namespace {

using fields::named;
using fields::numbers;
using fields::optional_number;
using fields::text;
using fields::texts;
using fields::truth;
using Number = std::uint16_t;

// As records print them.
constexpr NamedNumber versions[] = {{"SSLv2", 0x0002},   {"SSLv3", 0x0300},   {"TLSv1.0", 0x0301},
                                    {"TLSv1.1", 0x0302}, {"TLSv1.2", 0x0303}, {"TLSv1.3", 0x0304}};

// Of a member of the layout.
#define IRIS_TLS(member) offsetof(TlsHandshake, layout) + offsetof(TlsHandshake::Layout, member)

constexpr std::array own{
    text("sni", IRIS_TLS(sni), "server name in the ClientHello, as sent"),
    named(optional_number<Number>("version", IRIS_TLS(version),
                                  "negotiated version: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3"),
          versions),
    named(optional_number<Number>("client_version", IRIS_TLS(client_version), "legacy_version of the ClientHello"),
          versions),
    named(optional_number<Number>("server_version", IRIS_TLS(server_version), "legacy_version of the ServerHello"),
          versions),
    optional_number<Number>("cipher", IRIS_TLS(cipher), "cipher suite that the server chose (IANA number)"),
    text("cipher_name", {"iris_tls_cipher_name", &detail::iris_tls_cipher_name}, "its name (IANA)"),
    optional_number<std::uint8_t>("compression", IRIS_TLS(compression), "compression method that the server chose"),
    optional_number<Number>("group", IRIS_TLS(group), "group of the server's key share: TLS 1.3"),
    text("alpn", IRIS_TLS(alpn), "application protocol that the server chose in clear"),
    texts("client_alpn", IRIS_TLS(client_alpn), "application protocols that the client offers"),
    named(numbers<Number>("client_versions", IRIS_TLS(client_versions), "versions that the client offers"), versions),
    numbers<Number>("client_ciphers", IRIS_TLS(client_ciphers), "cipher suites that the client offers"),
    numbers<Number>("client_extensions", IRIS_TLS(client_extensions), "types of the ClientHello's extensions"),
    numbers<Number>("client_groups", IRIS_TLS(client_groups), "groups that the client supports"),
    numbers<Number>("client_key_shares", IRIS_TLS(client_key_shares), "groups of the client's key shares"),
    numbers<Number>("client_signature_algs", IRIS_TLS(client_signature_algorithms), "signature schemes of the client"),
    numbers<Number>("server_extensions", IRIS_TLS(server_extensions), "types of the ServerHello's extensions"),
    truth("ech", IRIS_TLS(ech), "the extension encrypted_client_hello was sent (GREASE sends it, too)"),
    truth("psk_offered", IRIS_TLS(psk_offered), "the client offers pre-shared keys"),
    truth("early_data", IRIS_TLS(early_data), "the client sends 0-RTT data"),
    truth("retried", IRIS_TLS(retried), "a HelloRetryRequest came before the ServerHello"),
    text("ja3", {"iris_tls_ja3", &detail::iris_tls_ja3}, "fingerprint of the ClientHello: MD5 of ja3_str"),
    text("ja3_str", {"iris_tls_ja3_text", &detail::iris_tls_ja3_text}, "what JA3 is computed of"),
    text("ja3s", {"iris_tls_ja3s", &detail::iris_tls_ja3s}, "fingerprint of the ServerHello: MD5 of ja3s_str"),
    text("ja3s_str", {"iris_tls_ja3s_text", &detail::iris_tls_ja3s_text}, "what JA3S is computed of"),
    text("ja4", {"iris_tls_ja4", &detail::iris_tls_ja4}, "fingerprint of the ClientHello"),
};
#undef IRIS_TLS
constexpr auto all = fields::with_parts<own>();

std::span<const SdkFunction> functions() noexcept {
  static const std::array list{
      sdk_function("iris_tls_version_name", &detail::iris_tls_version_name),
      sdk_function("iris_tls_certificates", &detail::iris_tls_certificates),
  };
  return list;
}

}  // namespace

constinit const Protocol protocol{.name = "tls",
                                  .fields = all,
                                  .implies = "tcp",
                                  .session_type = "iris::TlsHandshake",
                                  .probe = probe,
                                  .create = create,
                                  .sdk_functions = functions};

}  // namespace iris::parsers::tls
