#include "daemon/control/names.hpp"

#include <algorithm>
#include <filesystem>

#include "jit/abi/nearest.hpp"

namespace iris::control {
namespace {

constexpr std::size_t longest_name = 64;

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

}  // namespace

std::string name_from_file(std::string_view file) { return std::filesystem::path(file).stem().string(); }

Result<void> check_name(std::string_view name) {
  if (!name.empty() && name.size() <= longest_name && std::ranges::all_of(name, allowed)) return {};
  return fail(ErrorCode::invalid, "'" + std::string(name.substr(0, longest_name)) +
                                      "' cannot name a subscription: use 1 to 64 letters, digits, '_', '-' or '.'");
}

std::unexpected<Error> unknown_name(std::string_view name, const std::vector<std::string>& known) {
  std::string message = "no subscription is named '" + std::string(name) + "'";
  if (const std::string_view near = nearest(name, known); !near.empty()) {
    message += "; did you mean '" + std::string(near) + "'?";
  } else if (known.empty()) {
    message += ": there are none";
  }
  return fail(ErrorCode::not_found, std::move(message));
}

}  // namespace iris::control
