#include "jit/codegen/dispatch.hpp"

#include <map>
#include <utility>
#include <vector>

#include "jit/codegen/families.hpp"
#include "jit/codegen/module.hpp"

namespace iris::codegen {

struct DispatchCompiler::Impl {
  // What the code of one function depends on.
  using Key = std::pair<std::string, std::vector<std::pair<std::uint32_t, FamilyShape>>>;

  explicit Impl(engine::Engine& linker) : engine(linker), machine(Machine::create()) {}

  static Key key_of(const LevelFunction& function, Families families) {
    Key key{function.symbol, {}};
    for (const std::uint32_t number : function.families) key.second.emplace_back(number, families[number]);
    return key;
  }

  [[nodiscard]] Result<std::shared_ptr<const engine::Unit>> compile(const LevelFunction& function, Families families) {
    Key key = key_of(function, families);
    if (const auto found = compiled.find(key); found != compiled.end()) {
      if (auto unit = found->second.lock()) return unit;
    }
    if (!machine) return std::unexpected(machine.error());
    auto unit =
        codegen::compile([&](auto& module, const auto& runtime) { add_function(module, runtime, function, families); },
                         *machine, engine);
    if (!unit) return unit;
    std::erase_if(compiled, [](const auto& entry) { return entry.second.expired(); });
    compiled[std::move(key)] = *unit;
    return unit;
  }

  static abi::Evaluate& slot(Dispatch& dispatch, const LevelFunction& function) {
    switch (function.level) {
      case parsers::Level::tuple:
        return dispatch.tuple;
      case parsers::Level::protocol:
        return dispatch.protocol;
      case parsers::Level::session:
      case parsers::Level::stream:  // level_functions refuses it
        break;
    }
    return dispatch.session[function.protocol];
  }

  engine::Engine& engine;
  Result<Machine> machine;
  std::map<Key, std::weak_ptr<const engine::Unit>> compiled;
};

DispatchCompiler::DispatchCompiler(engine::Engine& engine) : impl_(std::make_unique<Impl>(engine)) {}
DispatchCompiler::~DispatchCompiler() = default;

Result<std::shared_ptr<const Dispatch>> DispatchCompiler::compile(std::span<const FamilyShape> families) {
  auto functions = level_functions(families);
  if (!functions) return std::unexpected(std::move(functions.error()));
  auto dispatch = std::make_shared<Dispatch>();
  dispatch->session.resize(parsers::registry().size());
  for (const LevelFunction& function : *functions) {
    auto unit = impl_->compile(function, families);
    if (!unit) return std::unexpected(std::move(unit.error()));
    auto address = (*unit)->find(function.symbol);
    if (!address) return std::unexpected(std::move(address.error()));
    Impl::slot(*dispatch, function) = reinterpret_cast<abi::Evaluate>(*address);
    dispatch->code.push_back(std::move(*unit));
  }
  return dispatch;
}

Result<std::string> dispatch_ir(std::span<const FamilyShape> families, bool optimise) {
  const auto functions = level_functions(families);
  if (!functions) return std::unexpected(functions.error());
  const auto write = [&](llvm::Module& module, const llvm::Module& runtime) {
    for (const LevelFunction& function : *functions) add_function(module, runtime, function, families);
  };
  return ir_of(write, optimise);
}

}  // namespace iris::codegen
