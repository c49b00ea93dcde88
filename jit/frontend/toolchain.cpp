#include <system_error>

#include "jit/frontend/frontend.hpp"

namespace iris::frontend {

const char* stage_name(Stage stage) noexcept {
  switch (stage) {
    case Stage::waiting:
      return "waiting";
    case Stage::front_end:
      return "front end";
    case Stage::optimiser:
      return "optimiser";
    case Stage::code_generator:
      return "code generator";
    case Stage::sending:
      return "sending of the result";
  }
  return "";
}

Toolchain Toolchain::find(const std::filesystem::path& executable) {
  const auto share = executable.parent_path().parent_path() / "share" / "iris";
  std::error_code ignored;
  const bool installed = std::filesystem::exists(share / "sdk" / "iris" / "iris.hpp", ignored);
  return {installed ? share / "sdk" : std::filesystem::path(IRIS_SDK_SOURCE_DIR), share / "prelude.pch"};
}

std::vector<std::string> Toolchain::readable_folders() const {
  return {"/usr/include", "/usr/lib/gcc", IRIS_CLANG_RESOURCE_DIR, sdk.string()};
}

}  // namespace iris::frontend
