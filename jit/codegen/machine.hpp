// IR → object code for this very processor.
#pragma once

#include <memory>

#include <llvm/IR/Module.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Target/TargetMachine.h>

#include "jit/abi/result.hpp"

namespace iris::codegen {

// Thread: one at a time.
class Machine {
 public:
  [[nodiscard]] static Result<Machine> create();

  // Makes everything but functions named `iris_evaluate_…` or `iris_follow_…` internal, and puts what they call into
  // them.
  [[nodiscard]] Result<void> optimise(llvm::Module& module) const;
  [[nodiscard]] Result<std::unique_ptr<llvm::MemoryBuffer>> emit(llvm::Module& module) const;
  void describe(llvm::Module& module) const;  // sets its triple and data layout

 private:
  explicit Machine(std::unique_ptr<llvm::TargetMachine> target) : target_(std::move(target)) {}

  std::unique_ptr<llvm::TargetMachine> target_;
};

}  // namespace iris::codegen
