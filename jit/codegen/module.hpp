// From functions that somebody writes to code that is in the process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <llvm/IR/Module.h>

#include "jit/abi/result.hpp"
#include "jit/codegen/machine.hpp"
#include "jit/engine/engine.hpp"

namespace iris::codegen {

// Adds functions to `module`; `runtime` says what the helpers' types are.
using Writer = std::function<void(llvm::Module& module, const llvm::Module& runtime)>;

// With the helpers put into what was written.
[[nodiscard]] Result<std::shared_ptr<const engine::Unit>> compile(const Writer& writer, const Machine& machine,
                                                                  engine::Engine& engine);
// As text, before (`optimise` false) or after the helpers are put in.
[[nodiscard]] Result<std::string> ir_of(const Writer& writer, bool optimise);

}  // namespace iris::codegen
