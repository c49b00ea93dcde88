// The rules of one function, whether it is a callback itself or a method of one: what it may take, and when it runs.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "clang/AST/Decl.h"

#include "jit/filter/filter.hpp"
#include "jit/frontend/collect.hpp"
#include "jit/frontend/diagnostics.hpp"
#include "jit/frontend/spec.hpp"

namespace iris::frontend {

// A filter as its callback's functions are checked against it.
struct CheckedFilter {
  std::string text;
  std::optional<parsers::Level> level;  // nullopt: the filter itself is wrong
};

// The one annotation of its kind; reports when there are several. nullptr when there is none.
[[nodiscard]] const clang::AnnotateAttr* only_one(const clang::NamedDecl& decl,
                                                  const std::vector<const clang::AnnotateAttr*>& attributes,
                                                  Reporter& reporter);

// What the callback's filter decides about, as its function's event says. `on`: its IRIS_ON, or nullptr.
[[nodiscard]] filter::Subject subject_of(const clang::FunctionDecl& decl, const clang::AnnotateAttr* on);

struct FilterScope {
  filter::Subject subject = filter::Subject::connection;
  filter::Names names;  // that it may use
};

// The annotation's filter, parsed; errors and warnings are reported inside the string literal.
[[nodiscard]] CheckedFilter check_filter(const clang::AnnotateAttr& attribute, const FilterScope& scope,
                                         const clang::ASTContext& context, Reporter& reporter);

// `on`: its IRIS_ON; nullptr: the event follows from the parameters. `filter`: the callback's.
[[nodiscard]] Function check_function(const clang::FunctionDecl& decl, const clang::AnnotateAttr* on,
                                      const CheckedFilter& filter, Reporter& reporter);

// The first event at which all that the function takes is known.
[[nodiscard]] Event first_ready(const Function& function);

}  // namespace iris::frontend
