// The generated calls between the daemon and the author's functions: the only symbols that the object exports.
#pragma once

#include <string>
#include <vector>

#include "jit/frontend/check.hpp"

namespace iris::frontend {

// C++ text, one function a line, behind one line of its own; and whose call stands on each line.
struct Epilogue {
  std::string text;
  std::vector<clang::SourceLocation> call_sites;
};

inline constexpr const char* thunk_prefix = "iris_thunk_";

// Writes the thunks for `callbacks` and names them there: abi::Invoke a function; abi::Construct and abi::Destroy a
// state.
[[nodiscard]] Epilogue write_thunks(std::vector<CheckedCallback>& callbacks);

}  // namespace iris::frontend
