// The generated calls between the daemon and the author's functions: the only symbols that the object exports.
#pragma once

#include <string>
#include <vector>

#include "jit/frontend/check.hpp"

namespace iris::frontend {

// C++ text, and what is called on each of its lines.
struct Epilogue {
  std::string text;
  std::vector<Call> calls;
};

inline constexpr const char* thunk_prefix = "iris_thunk_";

// Writes the thunks for what the source has and names them there: abi::Invoke a function; abi::Construct and
// abi::Destroy a state.
[[nodiscard]] Epilogue write_thunks(CheckedSource& source);

// Whether Clang understood the thunk as it was meant: the names in it may have found something else.
[[nodiscard]] bool calls_target(clang::FunctionDecl& thunk, const Call& call);

}  // namespace iris::frontend
