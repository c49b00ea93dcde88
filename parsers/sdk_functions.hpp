// Functions that the SDK's session types declare and parsers define: user code is linked with them by name.
#pragma once

#include <string_view>

#include "parsers/api.hpp"

namespace iris::parsers {

template <class Result, class... Arguments>
[[nodiscard]] SdkFunction sdk_function(std::string_view symbol, Result (*function)(Arguments...) noexcept) noexcept {
  return {symbol, reinterpret_cast<void*>(function)};
}

}  // namespace iris::parsers
