// QUIC connections as authors see them (RFC 9000, RFC 9369; drafts 27 to 34; Google's QUIC before that).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <iris/protocols/tls.hpp>

namespace iris {

// Data type: what a QUIC connection tells at its beginning. At L7EndHdrs the ClientHello was read; or, `complete() ==
// false`, what there was when the connection ended. At L7EndSession the client sends what is encrypted with keys that
// only the ends have: whether the server asked to retry, and whether there was 0-RTT, is known then. Text that is
// absent has data() == nullptr. Valid only during the call.
struct QuicConnection {
  using Bytes = std::span<const std::uint8_t>;

  // Filled by the parser. Authors use the accessors below.
  struct Layout {
    TlsHandshake tls;
    std::string_view version_name;
    std::string_view user_agent;
    Bytes client_dcid;
    Bytes client_scid;
    Bytes server_scid;
    std::uint32_t version = 0;
    bool retry = false;
    bool version_negotiation = false;
    bool zero_rtt = false;
    bool complete = false;
  } layout;

  // Of the client's latest packet: 1, 0x6b3343cf for version 2, 0xff00001d for draft 29, 0x51303436 for Q046.
  [[nodiscard]] std::uint32_t version() const { return layout.version; }
  [[nodiscard]] std::string_view version_name() const { return layout.version_name; }  // "1", "2", "draft-29", "Q046"
  // Connection ids (RFC 9000, 7.2): of the client's first packet; what the server calls itself. May be empty.
  [[nodiscard]] Bytes client_dcid() const { return layout.client_dcid; }
  [[nodiscard]] Bytes client_scid() const { return layout.client_scid; }
  [[nodiscard]] Bytes server_scid() const { return layout.server_scid; }
  [[nodiscard]] bool retry() const { return layout.retry; }
  [[nodiscard]] bool version_negotiation() const { return layout.version_negotiation; }
  [[nodiscard]] bool zero_rtt() const { return layout.zero_rtt; }
  // The ClientHello, with all that TLS tells; the ServerHello where it was read. Of Google's QUIC its server name only.
  [[nodiscard]] const TlsHandshake& tls() const { return layout.tls; }
  [[nodiscard]] std::string_view sni() const { return layout.tls.sni(); }
  [[nodiscard]] std::span<const std::string_view> client_alpn() const { return layout.tls.client_alpn(); }
  [[nodiscard]] std::string_view user_agent() const { return layout.user_agent; }  // Google's QUIC
  // The ClientHello was read.
  [[nodiscard]] bool complete() const { return layout.complete; }
};

}  // namespace iris
