// What a relocatable object defines and wants, read before it is linked: so refusals name what the author wrote, and
// the linker only sees objects that it can link.
#pragma once

#include <string>
#include <vector>

#include <llvm/Support/MemoryBufferRef.h>

#include "jit/abi/result.hpp"

namespace iris::engine {

struct ObjectSymbols {
  std::vector<std::string> defined;        // visible outside
  std::vector<std::string> wanted;         // must be found elsewhere; without those that the linker makes
  std::vector<std::string> wanted_weakly;  // null where they are not found
};

// Fails with ErrorCode::invalid when it is no 64-bit ELF object for this processor, or has thread_local variables;
// with ErrorCode::internal when it still has static constructors to be run.
[[nodiscard]] Result<ObjectSymbols> inspect(llvm::MemoryBufferRef object);

}  // namespace iris::engine
