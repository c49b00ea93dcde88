#include "parsers/quic/schema.hpp"

#include <array>
#include <cstddef>

#include <iris/protocols/quic.hpp>

#include "parsers/fields.hpp"
#include "parsers/quic/parser.hpp"
#include "parsers/quic/probe.hpp"

namespace iris::parsers::quic {
namespace {

using fields::number;
using fields::numbers;
using fields::text;
using fields::texts;
using fields::truth;
using Number = std::uint16_t;

#define IRIS_QUIC(member) offsetof(QuicConnection, layout) + offsetof(QuicConnection::Layout, member)
#define IRIS_TLS(member) IRIS_QUIC(tls) + offsetof(TlsHandshake, layout) + offsetof(TlsHandshake::Layout, member)

// Of the handshake inside.
const std::string_view* ja3(const void* connection) noexcept {
  return detail::iris_tls_ja3(&static_cast<const QuicConnection*>(connection)->tls());
}
const std::string_view* ja4(const void* connection) noexcept {
  return detail::iris_tls_ja4(&static_cast<const QuicConnection*>(connection)->tls());
}

constexpr std::array own{
    text("sni", IRIS_TLS(sni), "server name in the ClientHello, as sent"),
    text("version", IRIS_QUIC(version_name), "1, 2, draft-29, Q046"),
    number<std::uint32_t>("version_number", IRIS_QUIC(version), "0x00000001, 0x6b3343cf for version 2"),
    truth("retry", IRIS_QUIC(retry), "the server asked to retry"),
    truth("version_negotiation", IRIS_QUIC(version_negotiation), "the server did not know the version"),
    truth("zero_rtt", IRIS_QUIC(zero_rtt), "the client sent 0-RTT packets with its hello"),
    text("user_agent", IRIS_QUIC(user_agent), "of Google's QUIC"),
    texts("client_alpn", IRIS_TLS(client_alpn), "application protocols that the client offers"),
    numbers<Number>("client_versions", IRIS_TLS(client_versions), "versions of TLS that the client offers"),
    numbers<Number>("client_ciphers", IRIS_TLS(client_ciphers), "cipher suites that the client offers"),
    numbers<Number>("client_extensions", IRIS_TLS(client_extensions), "types of the ClientHello's extensions"),
    numbers<Number>("client_groups", IRIS_TLS(client_groups), "groups that the client supports"),
    numbers<Number>("client_key_shares", IRIS_TLS(client_key_shares), "groups of the client's key shares"),
    truth("ech", IRIS_TLS(ech), "the extension encrypted_client_hello was sent (GREASE sends it, too)"),
    text("ja3", {"iris_quic_ja3", &ja3}, "fingerprint of the ClientHello, as tls.ja3"),
    text("ja4", {"iris_quic_ja4", &ja4}, "fingerprint of the ClientHello, as tls.ja4"),
};
#undef IRIS_QUIC
#undef IRIS_TLS
constexpr auto all = fields::with_parts<own>();

}  // namespace

constinit const Protocol protocol{.name = "quic",
                                  .fields = all,
                                  .implies = "udp",
                                  .session_type = "iris::QuicConnection",
                                  .probe = probe,
                                  .create = create};

}  // namespace iris::parsers::quic
