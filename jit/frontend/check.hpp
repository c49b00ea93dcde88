// From annotated declarations to the Spec's callbacks and filters: every rule of the programming model that C++ itself
// does not know. What breaks one is reported at the place where the author must change something, and says how.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "clang/AST/DeclCXX.h"
#include "clang/Sema/Sema.h"

#include "jit/filter/named_file.hpp"
#include "jit/frontend/collect.hpp"
#include "jit/frontend/diagnostics.hpp"
#include "jit/frontend/spec.hpp"

namespace iris::frontend {

// A Spec's function and what it is in the AST.
struct CheckedFunction {
  Function spec;
  const clang::FunctionDecl* decl = nullptr;
};

// What callbacks and filters have in common.
struct CheckedCode {
  const clang::CXXRecordDecl* state = nullptr;  // of a struct
  std::vector<CheckedFunction> functions;
};

struct CheckedCallback : CheckedCode {
  Callback spec;  // without functions and symbols
};

struct CheckedUserFilter : CheckedCode {
  UserFilter spec;  // without functions and symbols
};

struct CheckedSource {
  std::vector<CheckedCallback> callbacks;
  std::vector<CheckedUserFilter> filters;
};

// Reports through `reporter`; what it returns is complete only when nothing failed.
// `files`: that filters name.
[[nodiscard]] CheckedSource check_source(const Collector& collector, clang::Sema& sema, Reporter& reporter,
                                         std::span<const filter::NamedFile> files);

}  // namespace iris::frontend
