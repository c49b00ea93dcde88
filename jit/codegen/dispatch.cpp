#include "jit/codegen/dispatch.hpp"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Support/raw_ostream.h>

#include <map>
#include <utility>

#include "jit/codegen/families.hpp"
#include "jit/codegen/machine.hpp"
#include "jit/runtime/bitcode.hpp"

namespace iris::codegen {
namespace {

using Functions = std::vector<LevelFunction>;
using Families = std::span<const FamilyShape>;

Result<std::unique_ptr<llvm::Module>> read_runtime(llvm::LLVMContext& context) {
  const auto bytes = runtime::bitcode();
  const llvm::StringRef text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  auto module = llvm::parseBitcodeFile(llvm::MemoryBufferRef(text, "jit/runtime"), context);
  if (!module) return fail(ErrorCode::internal, "jit/runtime's bitcode: " + llvm::toString(module.takeError()));
  return std::move(*module);
}

// The functions with calls of helpers, as yet without the helpers.
std::unique_ptr<llvm::Module> write(const llvm::Module& runtime, const Functions& functions, Families families) {
  auto module = std::make_unique<llvm::Module>("dispatch", runtime.getContext());
  for (const LevelFunction& function : functions) add_function(*module, runtime, function, families);
  return module;
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
  machine.optimise(module);
  return {};
}

Result<std::unique_ptr<llvm::Module>> make(llvm::LLVMContext& context, const Functions& functions, Families families,
                                           const Machine* optimiser) {
  auto runtime = read_runtime(context);
  if (!runtime) return std::unexpected(std::move(runtime.error()));
  auto module = write(**runtime, functions, families);
  if (auto valid = check(*module); !valid) return std::unexpected(std::move(valid.error()));
  if (optimiser != nullptr) {
    if (auto done = inline_runtime(*module, std::move(*runtime), *optimiser); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  return module;
}

}  // namespace

struct DispatchCompiler::Impl {
  explicit Impl(engine::Engine& linker) : engine(linker), machine(Machine::create()) {}

  [[nodiscard]] Result<std::shared_ptr<const Dispatch>> compile(Families families) const {
    auto functions = level_functions(families);
    if (!functions) return std::unexpected(std::move(functions.error()));
    auto dispatch = std::make_shared<Dispatch>();
    dispatch->session.resize(parsers::registry().size());
    if (functions->empty()) return dispatch;

    if (!machine) return std::unexpected(machine.error());
    llvm::LLVMContext context;
    auto module = make(context, *functions, families, &*machine);
    if (!module) return std::unexpected(std::move(module.error()));
    auto object = machine->emit(**module);
    if (!object) return std::unexpected(std::move(object.error()));
    const llvm::StringRef bytes = (*object)->getBuffer();
    auto code = engine.load(std::as_bytes(std::span(bytes.data(), bytes.size())), "dispatch", engine::Trust::dispatch);
    if (!code) return std::unexpected(std::move(code.error()));
    dispatch->code = std::move(*code);
    for (const LevelFunction& function : *functions) {
      auto address = dispatch->code->find(function.symbol);
      if (!address) return std::unexpected(std::move(address.error()));
      slot(*dispatch, function) = reinterpret_cast<abi::Evaluate>(*address);
    }
    return dispatch;
  }

  static abi::Evaluate& slot(Dispatch& dispatch, const LevelFunction& function) {
    switch (function.level) {
      case parsers::Level::tuple:
        return dispatch.tuple;
      case parsers::Level::protocol:
        return dispatch.protocol;
      case parsers::Level::stream:
        return dispatch.stream;
      case parsers::Level::session:
        break;
    }
    return dispatch.session[function.protocol];
  }

  engine::Engine& engine;
  Result<Machine> machine;
  std::map<std::vector<FamilyShape>, std::weak_ptr<const Dispatch>> compiled;
};

DispatchCompiler::DispatchCompiler(engine::Engine& engine) : impl_(std::make_unique<Impl>(engine)) {}
DispatchCompiler::~DispatchCompiler() = default;

Result<std::shared_ptr<const Dispatch>> DispatchCompiler::compile(std::span<const FamilyShape> families) {
  std::vector<FamilyShape> key(families.begin(), families.end());
  if (const auto found = impl_->compiled.find(key); found != impl_->compiled.end()) {
    if (auto dispatch = found->second.lock()) return dispatch;
  }
  auto dispatch = impl_->compile(families);
  if (!dispatch) return dispatch;
  std::erase_if(impl_->compiled, [](const auto& entry) { return entry.second.expired(); });
  impl_->compiled[std::move(key)] = *dispatch;
  return dispatch;
}

Result<std::string> dispatch_ir(std::span<const FamilyShape> families, bool optimise) {
  auto functions = level_functions(families);
  if (!functions) return std::unexpected(std::move(functions.error()));
  auto machine = Machine::create();
  if (!machine) return std::unexpected(std::move(machine.error()));
  llvm::LLVMContext context;
  auto module = make(context, *functions, families, optimise ? &*machine : nullptr);
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
