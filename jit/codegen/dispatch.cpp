#include "jit/codegen/dispatch.hpp"

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Support/raw_ostream.h>

#include <map>
#include <utility>
#include <vector>

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
  return machine.optimise(module);
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
  // What the code of one function depends on.
  using Key = std::pair<std::string, std::vector<std::pair<std::uint32_t, FamilyShape>>>;

  explicit Impl(engine::Engine& linker) : engine(linker), machine(Machine::create()) {}

  static Key key_of(const LevelFunction& function, Families families) {
    Key key{function.symbol, {}};
    for (const std::uint32_t number : function.families) key.second.emplace_back(number, families[number]);
    return key;
  }

  [[nodiscard]] Result<std::shared_ptr<const engine::Unit>> compile(const LevelFunction& function, Families families) {
    Key key = key_of(function, families);
    if (const auto found = compiled.find(key); found != compiled.end()) {
      if (auto unit = found->second.lock()) return unit;
    }
    if (!machine) return std::unexpected(machine.error());
    llvm::LLVMContext context;
    auto module = make(context, {function}, families, &*machine);
    if (!module) return std::unexpected(std::move(module.error()));
    auto object = machine->emit(**module);
    if (!object) return std::unexpected(std::move(object.error()));
    const llvm::StringRef bytes = (*object)->getBuffer();
    auto code = engine.load(std::as_bytes(std::span(bytes.data(), bytes.size())), "dispatch", engine::Trust::dispatch);
    if (!code) return std::unexpected(std::move(code.error()));
    std::shared_ptr<const engine::Unit> unit = std::move(*code);
    std::erase_if(compiled, [](const auto& entry) { return entry.second.expired(); });
    compiled[std::move(key)] = unit;
    return unit;
  }

  static abi::Evaluate& slot(Dispatch& dispatch, const LevelFunction& function) {
    switch (function.level) {
      case parsers::Level::tuple:
        return dispatch.tuple;
      case parsers::Level::protocol:
        return dispatch.protocol;
      case parsers::Level::session:
      case parsers::Level::stream:  // level_functions refuses it
        break;
    }
    return dispatch.session[function.protocol];
  }

  engine::Engine& engine;
  Result<Machine> machine;
  std::map<Key, std::weak_ptr<const engine::Unit>> compiled;
};

DispatchCompiler::DispatchCompiler(engine::Engine& engine) : impl_(std::make_unique<Impl>(engine)) {}
DispatchCompiler::~DispatchCompiler() = default;

Result<std::shared_ptr<const Dispatch>> DispatchCompiler::compile(std::span<const FamilyShape> families) {
  auto functions = level_functions(families);
  if (!functions) return std::unexpected(std::move(functions.error()));
  auto dispatch = std::make_shared<Dispatch>();
  dispatch->session.resize(parsers::registry().size());
  for (const LevelFunction& function : *functions) {
    auto unit = impl_->compile(function, families);
    if (!unit) return std::unexpected(std::move(unit.error()));
    auto address = (*unit)->find(function.symbol);
    if (!address) return std::unexpected(std::move(address.error()));
    Impl::slot(*dispatch, function) = reinterpret_cast<abi::Evaluate>(*address);
    dispatch->code.push_back(std::move(*unit));
  }
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
