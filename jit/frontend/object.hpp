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

// Code generator for this machine, with all its features.
class ObjectWriter {
 public:
  [[nodiscard]] static Result<ObjectWriter> create();

  // Stores the rows' numbers as constants; turns static constructors into one function, whose name it returns (empty
  // when there are none); hides every symbol but that and those that begin with `exported_prefix`.
  [[nodiscard]] std::string lower(llvm::Module& module, std::span<const EmittedRow> rows,
                                  llvm::StringRef exported_prefix) const;
  void optimise(llvm::Module& module) const;
  // Relocatable ELF. What an assembler rejects is reported to the context's diagnostic handler.
  [[nodiscard]] std::string generate(llvm::Module& module) const;

 private:
  explicit ObjectWriter(std::unique_ptr<llvm::TargetMachine> machine) : machine_(std::move(machine)) {}
  std::unique_ptr<llvm::TargetMachine> machine_;
};

}  // namespace iris::frontend
