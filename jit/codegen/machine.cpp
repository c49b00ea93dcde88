#include "jit/codegen/machine.hpp"

#include <llvm/ExecutionEngine/Orc/CompileUtils.h>
#include <llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Transforms/IPO/Internalize.h>

#include <mutex>

namespace iris::codegen {
namespace {

std::unexpected<Error> unavailable(llvm::Error error) {
  return fail(ErrorCode::unavailable, "cannot generate code for this processor: " + llvm::toString(std::move(error)));
}

// What is left to do for helpers that are optimised already: to put them in place, and to use what is known there. Half
// the time of O2's pipeline, and faster code (bench_events), since nothing is done for loops that are not there.
constexpr const char* pipeline =
    "cgscc(inline),always-inline,"
    "function<eager-inv>(sroa<modify-cfg>,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,"
    "gvn,dse,simplifycfg),"
    "globaldce";

// The helpers were compiled for the plain architecture; functions that say nothing are for the target's own.
void forget_processor(llvm::Module& module) {
  for (llvm::Function& function : module) {
    for (const char* attribute : {"target-cpu", "target-features", "tune-cpu"}) function.removeFnAttr(attribute);
  }
}

}  // namespace

Result<Machine> Machine::create() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder) return unavailable(builder.takeError());
  builder->setCodeGenOptLevel(llvm::CodeGenOptLevel::Less);
  builder->setRelocationModel(llvm::Reloc::PIC_);
  auto target = builder->createTargetMachine();
  if (!target) return unavailable(target.takeError());
  return Machine(std::move(*target));
}

void Machine::describe(llvm::Module& module) const {
  module.setTargetTriple(target_->getTargetTriple().str());
  module.setDataLayout(target_->createDataLayout());
}

Result<void> Machine::optimise(llvm::Module& module) const {
  forget_processor(module);
  llvm::internalizeModule(module, [](const llvm::GlobalValue& value) {
    return value.getName().starts_with("iris_evaluate_") || value.getName().starts_with("iris_follow_");
  });
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(target_.get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::ModulePassManager passes;
  if (auto error = builder.parsePassPipeline(passes, pipeline)) {
    return fail(ErrorCode::internal, "the dispatch's passes: " + llvm::toString(std::move(error)));
  }
  passes.run(module, modules);
  return {};
}

Result<std::unique_ptr<llvm::MemoryBuffer>> Machine::emit(llvm::Module& module) const {
  auto object = llvm::orc::SimpleCompiler(*target_)(module);
  if (!object) {
    return fail(ErrorCode::internal, "cannot generate the dispatch: " + llvm::toString(object.takeError()));
  }
  return std::move(*object);
}

}  // namespace iris::codegen
