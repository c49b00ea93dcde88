// A look at an object before it is linked into the daemon: what memory it asks for.
#pragma once

#include <cstddef>
#include <span>

#include "jit/abi/result.hpp"

namespace iris::jit {

// Errors: invalid when its sections take more memory than a subscription may have; internal when it is no relocatable
// ELF object of this machine's kind.
[[nodiscard]] Result<void> check_object(std::span<const std::byte> object);

}  // namespace iris::jit
