// The families of a plan → LLVM IR → machine code: one function a level (and, for sessions, a protocol) that finds the
// true predicates. Control flow is IRBuilder's; every access to data is a helper of jit/runtime, linked as bitcode and
// inlined. The code depends on which families there are, never on their values.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jit/abi/dispatch.hpp"
#include "jit/engine/engine.hpp"
#include "jit/filter/filter.hpp"

namespace iris::codegen {

// Its position in the span given to `compile` is its position in the pipeline's table of families.
struct FamilyShape {
  const parsers::Field* field = nullptr;  // nullptr: nothing is at this position
  filter::Operator op = filter::Operator::present;
  auto operator<=>(const FamilyShape&) const = default;
};

// Functions are nullptr where no family belongs to them.
struct Dispatch {
  abi::Evaluate tuple = nullptr;
  abi::Evaluate protocol = nullptr;
  std::vector<abi::Evaluate> session;                     // by number in parsers::registry()
  std::vector<std::shared_ptr<const engine::Unit>> code;  // of the functions
};

// Thread: one at a time.
class DispatchCompiler {
 public:
  explicit DispatchCompiler(engine::Engine& engine);
  ~DispatchCompiler();
  DispatchCompiler(const DispatchCompiler&) = delete;
  DispatchCompiler& operator=(const DispatchCompiler&) = delete;

  // A function whose families are the same at the same positions as before is taken over, as long as anyone holds it,
  // or it is among those used last: a new family costs the compilation of its level's function.
  [[nodiscard]] Result<std::shared_ptr<const Dispatch>> compile(std::span<const FamilyShape> families);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The functions as text, before (`optimise` false) or after inlining: for golden tests.
[[nodiscard]] Result<std::string> dispatch_ir(std::span<const FamilyShape> families, bool optimise);

}  // namespace iris::codegen
