// Whether a function emits, by itself or by calling one of the source's that does.
#pragma once

#include "clang/AST/Decl.h"

namespace iris::frontend {

// Where it calls iris::emit, or calls what does; invalid: it does not. Calls through pointers are not followed.
[[nodiscard]] clang::SourceLocation find_emit(const clang::FunctionDecl& function);

}  // namespace iris::frontend
