// The helpers of runtime.cpp as LLVM bitcode, embedded at build time.
#pragma once

#include <cstddef>
#include <span>

namespace iris::runtime {

[[nodiscard]] std::span<const std::byte> bitcode() noexcept;

}  // namespace iris::runtime
