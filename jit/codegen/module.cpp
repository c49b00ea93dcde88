#include "jit/codegen/module.hpp"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Support/raw_ostream.h>

#include <span>
#include <utility>

#include "jit/runtime/bitcode.hpp"

namespace iris::codegen {
namespace {

Result<std::unique_ptr<llvm::Module>> read_runtime(llvm::LLVMContext& context) {
  const auto bytes = runtime::bitcode();
  const llvm::StringRef text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  auto module = llvm::parseBitcodeFile(llvm::MemoryBufferRef(text, "jit/runtime"), context);
  if (!module) return fail(ErrorCode::internal, "jit/runtime's bitcode: " + llvm::toString(module.takeError()));
  return std::move(*module);
}

Result<void> check(const llvm::Module& module) {
  std::string complaint;
  llvm::raw_string_ostream stream(complaint);
  if (llvm::verifyModule(module, &stream))
    return fail(ErrorCode::internal, "the dispatch is not valid IR: " + complaint);
  return {};
}

Result<void> inline_runtime(llvm::Module& module, std::unique_ptr<llvm::Module> runtime, const Machine& machine) {
  machine.describe(*runtime);
  machine.describe(module);
  if (llvm::Linker::linkModules(module, std::move(runtime), llvm::Linker::Flags::LinkOnlyNeeded)) {
    return fail(ErrorCode::internal, "the dispatch cannot be linked with jit/runtime");
  }
  return machine.optimise(module);
}

Result<std::unique_ptr<llvm::Module>> make(llvm::LLVMContext& context, const Writer& writer, const Machine* optimiser) {
  auto runtime = read_runtime(context);
  if (!runtime) return std::unexpected(std::move(runtime.error()));
  auto module = std::make_unique<llvm::Module>("dispatch", context);
  writer(*module, **runtime);
  if (auto valid = check(*module); !valid) return std::unexpected(std::move(valid.error()));
  if (optimiser != nullptr) {
    if (auto done = inline_runtime(*module, std::move(*runtime), *optimiser); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  return module;
}

}  // namespace

Result<std::shared_ptr<const engine::Unit>> compile(const Writer& writer, const Machine& machine,
                                                    engine::Engine& engine) {
  llvm::LLVMContext context;
  auto module = make(context, writer, &machine);
  if (!module) return std::unexpected(std::move(module.error()));
  auto object = machine.emit(**module);
  if (!object) return std::unexpected(std::move(object.error()));
  const llvm::StringRef bytes = (*object)->getBuffer();
  auto code = engine.load(std::as_bytes(std::span(bytes.data(), bytes.size())), "dispatch", engine::Trust::dispatch);
  if (!code) return std::unexpected(std::move(code.error()));
  return std::shared_ptr<const engine::Unit>(std::move(*code));
}

Result<std::string> ir_of(const Writer& writer, bool optimise) {
  auto machine = Machine::create();
  if (!machine) return std::unexpected(std::move(machine.error()));
  llvm::LLVMContext context;
  auto module = make(context, writer, optimise ? &*machine : nullptr);
  if (!module) return std::unexpected(std::move(module.error()));
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (const llvm::Function& function : **module) {
    if (function.isDeclaration()) continue;
    if (!text.empty()) stream << '\n';
    function.print(stream);
  }
  return text;
}

}  // namespace iris::codegen
