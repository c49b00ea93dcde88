// ORC: relocatable objects in, addresses out, memory back. The only place where machine code enters the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "jit/abi/result.hpp"

namespace iris::engine {

// Code that is in the process: one JITDylib. Nothing may run in it any more when it is destroyed: the destructor runs
// the unit's static destructors on the calling thread, then gives its memory back.
class Unit {
 public:
  virtual ~Unit() = default;
  // The address of an exported symbol, as it is spelled in the object.
  [[nodiscard]] virtual Result<void*> find(std::string_view symbol) const = 0;
  [[nodiscard]] virtual std::size_t bytes() const noexcept = 0;  // of code and data
};

// Which symbols outside itself a unit may use.
enum class Trust : std::uint8_t {
  user,      // the SDK's host functions, libstdc++, libm, a few of libc: see symbols.cpp
  dispatch,  // the host functions that jit/runtime names
};

// Thread: any; calls are serialised inside. Units must not outlive the engine.
class Engine {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Engine>> create();
  virtual ~Engine() = default;

  // Links `object`, a relocatable ELF object (position-independent; static constructors lowered to an exported
  // function), and runs `init_symbol` when it is not empty. Fails with ErrorCode::invalid when it is no such object,
  // when it uses a symbol that it may not, or one that is nowhere (naming it, demangled), when it has thread_local
  // variables, or when its initialisation throws. `name` appears in messages.
  [[nodiscard]] virtual Result<std::unique_ptr<Unit>> load(std::span<const std::byte> object, std::string_view name,
                                                           Trust trust, const std::string& init_symbol = {}) = 0;
};

}  // namespace iris::engine
