#include "jit/codegen/straight.hpp"

#include <algorithm>
#include <utility>

#include "jit/codegen/module.hpp"
#include "jit/codegen/outline.hpp"
#include "jit/codegen/truths_writer.hpp"
#include "jit/codegen/walk_writer.hpp"

namespace iris::codegen {
namespace {

using parsers::Level;

struct Symbols {
  std::string find;  // empty: there is nothing to find
  std::string walk;
};

class Functions {
 public:
  Functions(const plan::Plan& plan, Outline outline) : plan_(plan), outline_(std::move(outline)) {
    add({Level::tuple, 0});
    add({Level::protocol, 0});
    std::uint64_t sessions = 0;
    for (const plan::NodeId id : outline_.nodes) sessions |= plan.nodes[id].awaits_sessions;
    sessions |= outline_.none_of;
    for (std::uint32_t protocol = 0; protocol < parsers::registry().size(); ++protocol) {
      if ((sessions >> protocol & 1U) != 0) add({Level::session, protocol});
    }
  }

  void write(llvm::Module& module, const llvm::Module& runtime) const {
    for (const auto& [moment, symbols] : symbols_) {
      if (!symbols.find.empty()) add_find(module, runtime, symbols.find, plan_, outline_, moment);
      add_walk(module, runtime, symbols.walk, plan_, outline_, moment);
    }
  }

  [[nodiscard]] const Outline& outline() const { return outline_; }
  [[nodiscard]] const std::map<Moment, Symbols>& symbols() const { return symbols_; }

 private:
  void add(const Moment& moment) {
    std::string name = moment.level == Level::tuple ? "tuple" : "protocol";
    if (moment.level == Level::session) {
      name = "session_" + std::string(parsers::registry()[moment.protocol].name);
    }
    symbols_[moment] = {outline_.predicates.contains(moment) ? "iris_evaluate_" + name : "", "iris_follow_" + name};
  }

  const plan::Plan& plan_;
  Outline outline_;
  std::map<Moment, Symbols> symbols_;
};

Straight::Step& step_of(Straight& straight, const Moment& moment) {
  if (moment.level == Level::tuple) return straight.tuple;
  return moment.level == Level::protocol ? straight.protocol : straight.session[moment.protocol];
}

std::unexpected<Error> not_small() {
  return fail(ErrorCode::invalid, "the plan has too many nodes for straight-line code");
}

}  // namespace

bool is_small(const plan::Plan& plan) { return outline(plan).has_value(); }

struct StraightCompiler::Impl {
  engine::Engine& engine;
  Result<Machine> machine;
};

StraightCompiler::StraightCompiler(engine::Engine& engine)
    : impl_(std::make_unique<Impl>(Impl{engine, Machine::create()})) {}
StraightCompiler::~StraightCompiler() = default;

Result<std::shared_ptr<const Straight>> StraightCompiler::compile(const plan::Plan& plan) {
  if (!impl_->machine) return std::unexpected(impl_->machine.error());
  auto outlined = outline(plan);
  if (!outlined) return not_small();
  const Functions functions(plan, std::move(*outlined));
  auto unit = codegen::compile([&](auto& module, const auto& runtime) { functions.write(module, runtime); },
                               *impl_->machine, impl_->engine);
  if (!unit) return std::unexpected(std::move(unit.error()));
  auto straight = std::make_shared<Straight>();
  straight->session.resize(parsers::registry().size());
  straight->nodes = functions.outline().nodes;
  straight->asks_transport = std::ranges::any_of(straight->nodes, [&](plan::NodeId id) {
    return std::ranges::any_of(plan::view(plan.nodes[id].negative),
                               [](const plan::Edge& edge) { return edge.level != Level::tuple; });
  });
  for (const auto& [moment, symbols] : functions.symbols()) {
    Straight::Step& step = step_of(*straight, moment);
    auto walk = (*unit)->find(symbols.walk);
    if (!walk) return std::unexpected(std::move(walk.error()));
    step.walk = reinterpret_cast<abi::Walk>(*walk);
    if (symbols.find.empty()) continue;
    auto find = (*unit)->find(symbols.find);
    if (!find) return std::unexpected(std::move(find.error()));
    step.find = reinterpret_cast<abi::FindTruths>(*find);
    const bool wanted = moment.level == Level::session && (functions.outline().none_of >> moment.protocol & 1U) != 0;
    if (wanted) step.ids = functions.outline().predicates.at(moment);
  }
  straight->code = std::move(*unit);
  return straight;
}

Result<std::string> straight_ir(const plan::Plan& plan) {
  auto outlined = outline(plan);
  if (!outlined) return not_small();
  const Functions functions(plan, std::move(*outlined));
  return ir_of([&](auto& module, const auto& runtime) { functions.write(module, runtime); }, false);
}

}  // namespace iris::codegen
