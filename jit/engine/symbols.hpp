// Which symbols outside itself a unit may use, and where they are.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "jit/abi/result.hpp"
#include "jit/engine/engine.hpp"

namespace iris::engine {

// Thread: any, once it is made.
class Symbols {
 public:
  // Fails when the process does not use the shared C++ library.
  [[nodiscard]] static Result<Symbols> open();

  // nullptr: the unit may not use it, or there is none of that name.
  [[nodiscard]] void* find(const std::string& name, Trust trust) const;

  // Whether the process has it, allowed or not: tells "may not" from "is not there".
  [[nodiscard]] static bool exists(const std::string& name);

  // Host symbols and the global allocator: a unit that defined one itself would split the process in two.
  [[nodiscard]] static bool reserved(std::string_view name);

 private:
  struct Library {
    void* handle = nullptr;   // of dlopen; these libraries are never unloaded
    std::uintptr_t base = 0;  // where it is mapped
  };
  [[nodiscard]] bool in_allowed_library(const char* name) const;

  std::array<Library, 3> libraries_{};
};

}  // namespace iris::engine
