#include "jit/frontend/object.hpp"

#include <map>
#include <utility>

#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/Transforms/IPO/Internalize.h"

namespace iris::frontend {
namespace {

constexpr const char* init_symbol = "iris_init";

// Objects are added to the linker one by one: nobody runs .init_array.
std::string lower_constructors(llvm::Module& module) {
  auto* list = module.getNamedGlobal("llvm.global_ctors");
  if (list == nullptr) return {};
  std::multimap<std::uint64_t, llvm::Value*> constructors;  // by priority, then in the order of the source
  if (const auto* entries = llvm::dyn_cast<llvm::ConstantArray>(list->getInitializer())) {
    for (const auto& operand : entries->operands()) {
      const auto* entry = llvm::cast<llvm::ConstantStruct>(operand);
      constructors.emplace(llvm::cast<llvm::ConstantInt>(entry->getOperand(0))->getZExtValue(), entry->getOperand(1));
    }
  }

  auto& context = module.getContext();
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), false);
  auto* init = llvm::Function::Create(type, llvm::Function::ExternalLinkage, init_symbol, module);
  init->setUWTableKind(llvm::UWTableKind::Async);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", init));
  for (const auto& [priority, function] : constructors) builder.CreateCall(type, function);
  builder.CreateRetVoid();
  list->eraseFromParent();
  return init->getName().str();
}

void number_rows(llvm::Module& module, std::span<const EmittedRow> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto* index = module.getNamedGlobal(rows[i].index_symbol);
    if (index == nullptr) continue;
    index->setInitializer(llvm::ConstantInt::get(index->getValueType(), i));
    index->setConstant(true);
  }
}

}  // namespace

struct ObjectPipeline::Passes {
  explicit Passes(llvm::TargetMachine& machine) : builder(&machine, tuning()) {
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(components);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, components, modules);
    optimise = builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2);
    llvm::MCContext* context = nullptr;
    can_generate = !machine.addPassesToEmitMC(generate, context, stream, /*DisableVerify=*/true);
  }

  static llvm::PipelineTuningOptions tuning() {
    llvm::PipelineTuningOptions options;
    options.LoopVectorization = true;
    options.SLPVectorization = true;
    return options;
  }

  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder;
  llvm::ModulePassManager optimise;
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream{object};
  llvm::legacy::PassManager generate;
  bool can_generate = false;
};

ObjectPipeline::ObjectPipeline(llvm::TargetMachine& machine) : passes_(std::make_unique<Passes>(machine)) {}
ObjectPipeline::~ObjectPipeline() = default;

std::string ObjectPipeline::lower(llvm::Module& module, std::span<const EmittedRow> rows,
                                  llvm::StringRef exported_prefix) {
  if (auto* annotations = module.getNamedGlobal("llvm.global.annotations")) annotations->eraseFromParent();
  number_rows(module, rows);
  auto init = lower_constructors(module);
  llvm::internalizeModule(module, [&](const llvm::GlobalValue& value) {
    return value.getName().starts_with(exported_prefix) || value.getName() == init_symbol;
  });
  return init;
}

void ObjectPipeline::optimise(llvm::Module& module) { passes_->optimise.run(module, passes_->modules); }

std::string ObjectPipeline::generate(llvm::Module& module) {
  if (!passes_->can_generate) return {};
  passes_->generate.run(module);
  return {passes_->object.begin(), passes_->object.end()};
}

Result<std::unique_ptr<llvm::TargetMachine>> make_target_machine() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::InitializeNativeTargetAsmParser();
  const auto triple = llvm::sys::getProcessTriple();
  std::string error;
  const auto* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (target == nullptr) return fail(ErrorCode::internal, "LLVM cannot generate code for " + triple + ": " + error);
  llvm::SubtargetFeatures features;
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) features.AddFeature(feature.first(), feature.second);
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, llvm::sys::getHostCPUName(), features.getString(), llvm::TargetOptions(),
                                  llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default, /*JIT=*/true));
  if (machine == nullptr) return fail(ErrorCode::internal, "LLVM cannot generate code for " + triple);
  return machine;
}

}  // namespace iris::frontend
