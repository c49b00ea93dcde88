// How Clang is invoked: the flags, the precompiled header, and what stands in it.
#pragma once

#include <memory>

#include "clang/Frontend/CompilerInvocation.h"
#include "clang/Serialization/PCHContainerOperations.h"
#include "llvm/Support/MemoryBuffer.h"

#include "jit/frontend/frontend.hpp"
#include "jit/frontend/source_files.hpp"

namespace iris::frontend {

inline constexpr const char* sdk_path = "/iris/sdk";                // Toolchain::sdk
inline constexpr const char* main_path = "/iris/main.cpp";          // the scaffold around the source
inline constexpr const char* prelude_path = "/iris/prelude.hpp";    // what is precompiled
inline constexpr const char* warm_path = "/iris/warm.hpp";          // what is instantiated before a source comes
inline constexpr const char* pch_path = "/iris/prelude.pch";        // its precompiled form
inline constexpr const char* source_path = "/iris/source.cpp";      // the author's text
inline constexpr const char* epilogue_path = "/iris/epilogue.cpp";  // generated calls

extern const char* const prelude_text;
extern const char* const warm_text;

// For C++23 on this machine, with the SDK in the search path. Errors: internal.
[[nodiscard]] Result<std::shared_ptr<clang::CompilerInvocation>> make_invocation();

// The real files that may be read, and the prelude.
[[nodiscard]] llvm::IntrusiveRefCntPtr<SourceFiles> make_files(const Toolchain& toolchain);

}  // namespace iris::frontend
