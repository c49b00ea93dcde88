// Protobuf's `string` must be UTF-8, or the peer refuses the message. File names, filters and diagnostics come from
// users and may hold any bytes.
#pragma once

#include <string>
#include <string_view>

namespace iris::proto {

// `bytes` with every byte that is not part of valid UTF-8 (RFC 3629) replaced by U+FFFD.
[[nodiscard]] std::string to_utf8(std::string_view bytes);

}  // namespace iris::proto
