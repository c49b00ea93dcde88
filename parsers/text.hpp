// Bytes as the SDK's text, and back.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace iris::parsers {

// Never with data() == nullptr, even when empty: in session types that means "absent".
[[nodiscard]] inline std::string_view as_text(std::span<const std::uint8_t> bytes) noexcept {
  return bytes.data() == nullptr ? std::string_view("")
                                 : std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace iris::parsers
