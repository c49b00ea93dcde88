#include "jit/codegen/function_writer.hpp"

#include <vector>

namespace iris::codegen {

FunctionWriter::FunctionWriter(llvm::Module& module, const llvm::Module& runtime, const std::string& symbol,
                               llvm::Type* result, std::initializer_list<const char*> arguments)
    : module_(module), ir_(module.getContext()), runtime_(runtime) {
  const std::vector<llvm::Type*> types(arguments.size(), ir_.getPtrTy());
  function_ = llvm::Function::Create(llvm::FunctionType::get(result, types, false), llvm::Function::ExternalLinkage,
                                     symbol, module);
  function_->setDoesNotThrow();
  function_->addFnAttr("frame-pointer", "all");  // profilers walk through
  unsigned number = 0;
  for (const char* name : arguments) function_->getArg(number++)->setName(name);
}

llvm::BasicBlock* FunctionWriter::block(const std::string& name) {
  return llvm::BasicBlock::Create(module_.getContext(), name, function_);
}

void FunctionWriter::branch(llvm::Value* condition, llvm::BasicBlock* yes, llvm::BasicBlock* no) {
  if (condition == nullptr) {
    ir_.CreateBr(yes);
  } else {
    ir_.CreateCondBr(condition, yes, no);
  }
}

llvm::Value* FunctionWriter::call(std::string_view helper, llvm::ArrayRef<llvm::Value*> arguments, const char* name) {
  auto* type = runtime_.getFunction(helper)->getFunctionType();
  return ir_.CreateCall(module_.getOrInsertFunction(helper, type), arguments, name);
}

}  // namespace iris::codegen
