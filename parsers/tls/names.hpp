// What numbers of TLS are called.
#pragma once

#include <cstdint>
#include <string_view>

namespace iris::parsers::tls {

// IANA's name, "TLS_AES_128_GCM_SHA256". Empty for those that have none, GREASE among them.
[[nodiscard]] std::string_view cipher_name(std::uint16_t number) noexcept;

}  // namespace iris::parsers::tls
