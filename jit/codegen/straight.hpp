// A plan of few filters → code that is that plan: values are compared with constants, one after the other, and each
// step through the graph is control flow. It does what look-ups and conn::Progress do, in a fraction of the time, but
// has to be made anew for each change; so look-ups serve first, and this code takes their place when it is there.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "jit/abi/dispatch.hpp"
#include "jit/engine/engine.hpp"
#include "jit/plan/plan.hpp"

namespace iris::codegen {

// Serves that version of the plan only.
struct Straight {
  struct Step {
    abi::FindTruths find = nullptr;  // nullptr: there is nothing to find
    abi::Walk walk = nullptr;        // nullptr: sessions of the protocol lead nowhere
    // By bit, where somebody wants to know the truths besides: none(…) does, of sessions.
    std::vector<plan::PredicateId> ids;
  };
  Step tuple;
  Step protocol;
  std::vector<Step> session;        // by number in parsers::registry()
  std::vector<plan::NodeId> nodes;  // by abi::Walking::reached's places
  bool asks_transport = false;      // abi::Walking::possible matters
  std::shared_ptr<const engine::Unit> code;
};

// Whether code of this kind is made for the plan: it has few nodes, and none with more ways on than one would try one
// after the other.
[[nodiscard]] bool is_small(const plan::Plan& plan);

// Thread: one at a time.
class StraightCompiler {
 public:
  explicit StraightCompiler(engine::Engine& engine);
  ~StraightCompiler();
  StraightCompiler(const StraightCompiler&) = delete;
  StraightCompiler& operator=(const StraightCompiler&) = delete;

  // `plan` is_small.
  [[nodiscard]] Result<std::shared_ptr<const Straight>> compile(const plan::Plan& plan);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The functions as text, before the helpers are inlined: for golden tests.
[[nodiscard]] Result<std::string> straight_ir(const plan::Plan& plan);

}  // namespace iris::codegen
