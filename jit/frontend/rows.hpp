// The layouts of the structs that a source emits, read from the AST.
#pragma once

#include <string>
#include <vector>

#include "clang/AST/ASTContext.h"

#include "jit/abi/row.hpp"
#include "jit/frontend/diagnostics.hpp"

namespace iris::frontend {

struct EmittedRow {
  abi::Row row;
  std::string index_symbol;  // of iris::detail::RowIndex<Row>::value in the module
};

// Every struct that iris::emit is instantiated with, in the order of instantiation. Call it at the end of the
// translation unit. What cannot be printed is reported at the member.
[[nodiscard]] std::vector<EmittedRow> emitted_rows(clang::ASTContext& context, Reporter& reporter);

}  // namespace iris::frontend
