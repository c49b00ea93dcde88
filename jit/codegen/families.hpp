// Families → IR. Each level's families become one function, family after family, in their order:
//
//   is the field present? → count the look-up → look the value up; for "either end" fields, then the other value
//     → where the event is sampled, note what that took
//
// Everything but the branches is a call of a helper of jit/runtime.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <llvm/IR/Module.h>

#include "jit/abi/result.hpp"
#include "jit/codegen/dispatch.hpp"

namespace iris::codegen {

using Families = std::span<const FamilyShape>;

// One function of a dispatch.
struct LevelFunction {
  parsers::Level level = parsers::Level::tuple;
  std::uint32_t protocol = 0;  // Level::session: number in parsers::registry()
  std::string symbol;
  std::vector<std::uint32_t> families;  // ascending
};

// Which functions the families need: by level, sessions by protocol. Fails with ErrorCode::internal when a field is in
// no protocol or has no index for its operator.
[[nodiscard]] Result<std::vector<LevelFunction>> level_functions(Families families);

// Whether it reads headers.
[[nodiscard]] bool needs_headers(const LevelFunction& function, Families families);

// Adds the function to `module`; `runtime` says what the helpers' types are.
void add_function(llvm::Module& module, const llvm::Module& runtime, const LevelFunction& function, Families families);

}  // namespace iris::codegen
