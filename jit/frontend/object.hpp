// From the module that Clang made to machine code: what the daemon's linker cannot do is lowered, the rest is LLVM's
// ordinary pipeline.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

#include "jit/abi/result.hpp"
#include "jit/frontend/rows.hpp"

namespace iris::frontend {

// Everything between one module and its object, set up before there is one: building the passes takes as long as
// running them over a small module. Used once.
class ObjectPipeline {
 public:
  explicit ObjectPipeline(llvm::TargetMachine& machine);
  ~ObjectPipeline();

  // Stores the rows' numbers as constants; turns static constructors into one function, whose name it returns (empty
  // when there are none); hides every symbol but that and those that begin with `exported_prefix`.
  [[nodiscard]] static std::string lower(llvm::Module& module, std::span<const EmittedRow> rows,
                                         llvm::StringRef exported_prefix);
  void optimise(llvm::Module& module);
  // Relocatable ELF. What an assembler rejects is reported to the context's diagnostic handler.
  [[nodiscard]] std::string generate(llvm::Module& module);

 private:
  struct Passes;
  std::unique_ptr<Passes> passes_;
};

// Generates code for this machine, with all its features.
[[nodiscard]] Result<std::unique_ptr<llvm::TargetMachine>> make_target_machine();

}  // namespace iris::frontend
