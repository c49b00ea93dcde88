// What subscriptions may be called.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jit/abi/result.hpp"

namespace iris::control {

// "log_tls" for "subscriptions/log_tls/log_tls.cpp": the file's name without folders and extension.
[[nodiscard]] std::string name_from_file(std::string_view file);

// Letters, digits, '_', '-' and '.', 1 to 64 of them: names appear in output, paths and commands.
[[nodiscard]] Result<void> check_name(std::string_view name);

// "no subscription is named 'lgo_tls'; did you mean 'log_tls'?"
[[nodiscard]] std::unexpected<Error> unknown_name(std::string_view name, const std::vector<std::string>& known);

}  // namespace iris::control
