// A session as text: everything that it refers to is read.
#pragma once

#include <iris/protocols/quic.hpp>

#include <string>

namespace iris::parsers::test {

inline std::string describe(const QuicConnection& quic) {
  std::string text(quic.version_name());
  text += quic.sni().data() == nullptr ? " -" : " " + std::string(quic.sni());
  for (const std::string_view name : quic.client_alpn()) text += " " + std::string(name);
  text += " " + std::to_string(quic.client_dcid().size()) + "/" + std::to_string(quic.client_scid().size()) + "/" +
          std::to_string(quic.server_scid().size());
  if (quic.retry()) text += " retry";
  if (quic.version_negotiation()) text += " negotiated";
  if (quic.zero_rtt()) text += " 0-RTT";
  if (quic.tls().cipher()) text += " cipher " + std::to_string(quic.tls().cipher().value_or(0));
  if (quic.user_agent().data() != nullptr) text += " " + std::string(quic.user_agent());
  const std::string_view ja4 = quic.tls().ja4();
  if (!ja4.empty()) text += std::string(" ") + ja4.front();
  return text + (quic.complete() ? " complete" : " incomplete");
}

}  // namespace iris::parsers::test
