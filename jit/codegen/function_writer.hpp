// A function of generated code while it is written: blocks, branches, and calls of the helpers in jit/runtime.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

namespace iris::codegen {

class FunctionWriter {
 protected:
  // Takes pointers of these names; `result`: of what it returns. `runtime` says what the helpers' types are.
  FunctionWriter(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol, llvm::Type* result,
                 std::initializer_list<const char*> arguments);
  ~FunctionWriter() = default;

  [[nodiscard]] llvm::Value* argument(unsigned number) const { return function_->getArg(number); }
  [[nodiscard]] llvm::BasicBlock* block(const std::string& name);
  // `condition` nullptr: it certainly holds.
  void branch(llvm::Value* condition, llvm::BasicBlock* yes, llvm::BasicBlock* no);
  // As C++'s `if`: `body` writes what is done where the condition holds.
  template <class Body>
  void when(llvm::Value* condition, const std::string& name, Body body) {
    llvm::BasicBlock* const then = block(name);
    llvm::BasicBlock* const after = block(name + ".after");
    branch(condition, then, after);
    ir_.SetInsertPoint(then);
    body();
    ir_.CreateBr(after);
    ir_.SetInsertPoint(after);
  }
  llvm::Value* call(std::string_view helper, llvm::ArrayRef<llvm::Value*> arguments, const char* name = "");

  llvm::Module& module_;
  llvm::IRBuilder<> ir_;

 private:
  const llvm::Module& runtime_;
  llvm::Function* function_ = nullptr;
};

}  // namespace iris::codegen
