// A subscription's machine code, linked: what its callbacks are to the data plane.
#pragma once

#include <memory>
#include <vector>

#include "daemon/conn/pipeline.hpp"
#include "jit/compiler.hpp"
#include "jit/engine/engine.hpp"

namespace iris::control {

struct Code {
  std::unique_ptr<engine::Unit> unit;
  std::vector<std::shared_ptr<conn::Callee>> callees;  // as the Spec's callbacks
};

// Links the object and finds every function that the Spec names. Fails with what the engine refuses.
[[nodiscard]] Result<Code> link(engine::Engine& engine, const jit::Compiled& compiled, const std::string& name,
                                std::uint32_t subscription);

}  // namespace iris::control
