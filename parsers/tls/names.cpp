#include "parsers/tls/names.hpp"

#include <charconv>

#include "parsers/tls/computed.hpp"

namespace iris::parsers::tls {
namespace {

constexpr std::string_view absent;

// "0x1a2b"
std::string_view write_number(std::uint16_t number, std::array<char, 6>& room) noexcept {
  const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
  room[0] = '0';
  room[1] = 'x';
  write_hex(bytes, room.data() + 2);
  return {room.data(), room.size()};
}

}  // namespace

}  // namespace iris::parsers::tls

namespace iris::detail {

using namespace iris::parsers::tls;  // NOLINT(google-build-using-namespace): its other half

const std::string_view* iris_tls_cipher_name(const void* handshake) noexcept {
  const auto& tls = *static_cast<const TlsHandshake*>(handshake);
  TlsHandshake::Layout::Computed* computed = tls.cipher() ? computed_of(tls) : nullptr;
  if (computed == nullptr) return &absent;
  if (computed->cipher_name.data() == nullptr) {
    const std::uint16_t number = tls.cipher().value_or(0);
    const std::string_view name = cipher_name(number);
    computed->cipher_name = name.empty() ? write_number(number, computed->cipher_number) : name;
  }
  return &computed->cipher_name;
}

const std::string_view* iris_tls_version_name(const void* handshake) noexcept {
  const auto& tls = *static_cast<const TlsHandshake*>(handshake);
  TlsHandshake::Layout::Computed* computed = tls.version() ? computed_of(tls) : nullptr;
  if (computed == nullptr) return &absent;
  if (computed->version_name.data() == nullptr) {
    const std::uint16_t number = tls.version().value_or(0);
    const std::string_view name = tls_version_name(number);
    computed->version_name = name.empty() ? write_number(number, computed->version_number) : name;
  }
  return &computed->version_name;
}

}  // namespace iris::detail
