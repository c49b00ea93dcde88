#include "parsers/tls/schema.hpp"

#include <array>
#include <cstddef>
#include <optional>

#include <iris/protocols/tls.hpp>

#include "parsers/tls/parser.hpp"
#include "parsers/tls/probe.hpp"

namespace iris::parsers::tls {
namespace {

using Layout = TlsHandshake::Layout;
constexpr std::size_t base = offsetof(TlsHandshake, layout);

// What Field::flag_offset assumes of std::optional: the value first, its flag right behind.
using Number = std::optional<std::uint16_t>;
static_assert(sizeof(Number) == 2 * sizeof(std::uint16_t) && alignof(Number) == alignof(std::uint16_t));

constexpr Field text(std::string_view name, std::size_t offset, std::string_view doc) {
  return {.name = name,
          .type = FieldType::text,
          .level = Level::session,
          .offsets = {static_cast<std::uint16_t>(base + offset), 0},
          .doc = doc};
}
constexpr Field number(std::string_view name, std::size_t offset, std::string_view doc) {
  return {.name = name,
          .type = FieldType::number,
          .level = Level::session,
          .width = sizeof(std::uint16_t),
          .offsets = {static_cast<std::uint16_t>(base + offset), 0},
          .flag_offset = static_cast<std::uint16_t>(base + offset + sizeof(std::uint16_t)),
          .doc = doc};
}

constexpr std::array fields{
    text("sni", offsetof(Layout, sni), "server name in the ClientHello, as sent"),
    number("version", offsetof(Layout, version), "negotiated version: 0x0303 is TLS 1.2, 0x0304 is TLS 1.3"),
    number("client_version", offsetof(Layout, client_version), "legacy_version of the ClientHello"),
    number("cipher", offsetof(Layout, cipher), "cipher suite that the server chose (IANA number)"),
    text("alpn", offsetof(Layout, alpn), "application protocol that the server chose in clear"),
};

}  // namespace

constinit const Protocol protocol{.name = "tls",
                                  .fields = fields,
                                  .implies = "tcp",
                                  .session_type = "iris::TlsHandshake",
                                  .probe = probe,
                                  .create = create};

}  // namespace iris::parsers::tls
