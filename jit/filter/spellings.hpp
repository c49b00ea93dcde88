// Wireshark's names of fields that Iris has under another one.
#pragma once

#include <string_view>

namespace iris::filter {

// Ours where it is known, else `name` itself.
[[nodiscard]] std::string_view our_name(std::string_view name);

}  // namespace iris::filter
