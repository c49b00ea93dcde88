// The rules of a stateful callback's struct: one is made for each matching connection, and lives as long.
#pragma once

#include "clang/AST/DeclCXX.h"
#include "clang/Sema/Sema.h"

#include "jit/frontend/diagnostics.hpp"
#include "jit/frontend/spec.hpp"

namespace iris::frontend {

// Without symbols.
[[nodiscard]] State check_state(const clang::CXXRecordDecl& record, clang::Sema& sema, Reporter& reporter);

}  // namespace iris::frontend
