// abi::FindTruths of one moment.
#pragma once

#include <string>

#include <llvm/IR/Module.h>

#include "jit/codegen/outline.hpp"

namespace iris::codegen {

// Family after family, in their order: is the field present? → count the look-up → compare its value with each
// predicate's operands; or, where there are many, or only a table can tell, look it up and see what was found.
void add_find(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol, const plan::Plan& plan,
              const Outline& outline, const Moment& moment);

}  // namespace iris::codegen
