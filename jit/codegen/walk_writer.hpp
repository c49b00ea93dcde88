// abi::Walk of one moment.
#pragma once

#include <string>

#include <llvm/IR/Module.h>

#include "jit/codegen/outline.hpp"

namespace iris::codegen {

// What conn::Progress does at the moment, with the same outcome in the same order; its rules are there. Whatever the
// plan tells is decided while this is written: what is left are truths, births, and which protocol there is.
void add_walk(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol, const plan::Plan& plan,
              const Outline& outline, const Moment& moment);

}  // namespace iris::codegen
