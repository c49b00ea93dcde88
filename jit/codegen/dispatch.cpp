#include "jit/codegen/dispatch.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "jit/codegen/families.hpp"
#include "jit/codegen/module.hpp"

namespace iris::codegen {
namespace {

constexpr std::size_t most_recent = 32;  // units that are kept though nobody may hold them

}  // namespace

struct DispatchCompiler::Impl {
  // What the code of one function depends on.
  using Key = std::pair<std::string, std::vector<std::pair<std::uint32_t, FamilyShape>>>;

  explicit Impl(engine::Engine& linker) : engine(linker), machine(Machine::create()) {}

  static Key key_of(const LevelFunction& function, Families families) {
    Key key{function.symbol, {}};
    for (const std::uint32_t number : function.families) key.second.emplace_back(number, families[number]);
    return key;
  }

  // nullptr: not compiled yet, or given up meanwhile.
  [[nodiscard]] std::shared_ptr<const engine::Unit> find(const Key& key) const {
    const auto found = compiled.find(key);
    return found == compiled.end() ? nullptr : found->second.lock();
  }

  // All of them in one go, as what is the same for each takes most of the time.
  [[nodiscard]] Result<std::shared_ptr<const engine::Unit>> compile(const std::vector<LevelFunction>& functions,
                                                                    Families families) {
    if (!machine) return std::unexpected(machine.error());
    const auto write = [&](llvm::Module& module, const llvm::Module& runtime) {
      for (const LevelFunction& function : functions) add_function(module, runtime, function, families);
    };
    auto unit = codegen::compile(write, *machine, engine);
    if (!unit) return unit;
    std::erase_if(compiled, [](const auto& entry) { return entry.second.expired(); });
    for (const LevelFunction& function : functions) compiled[key_of(function, families)] = *unit;
    return unit;
  }

  // Somebody tries a subscription, changes it, and tries it again: what it needs is kept a while.
  void keep(const std::shared_ptr<const engine::Unit>& unit) {
    std::erase(recent, unit);
    recent.push_back(unit);
    if (recent.size() > most_recent) recent.erase(recent.begin());
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
  std::vector<std::shared_ptr<const engine::Unit>> recent;  // those used last at the end
};

DispatchCompiler::DispatchCompiler(engine::Engine& engine) : impl_(std::make_unique<Impl>(engine)) {}
DispatchCompiler::~DispatchCompiler() = default;

Result<std::shared_ptr<const Dispatch>> DispatchCompiler::compile(std::span<const FamilyShape> families) {
  auto functions = level_functions(families);
  if (!functions) return std::unexpected(std::move(functions.error()));
  auto dispatch = std::make_shared<Dispatch>();
  dispatch->session.resize(parsers::registry().size());
  std::vector<std::shared_ptr<const engine::Unit>> units;  // by function; held from now on
  units.reserve(functions->size());
  std::vector<LevelFunction> missing;
  for (const LevelFunction& function : *functions) {
    units.push_back(impl_->find(Impl::key_of(function, families)));
    if (units.back() == nullptr) missing.push_back(function);
  }
  if (!missing.empty()) {
    auto made = impl_->compile(missing, families);
    if (!made) return std::unexpected(std::move(made.error()));
    std::ranges::replace(units, nullptr, *made);
  }
  for (std::size_t i = 0; i < units.size(); ++i) {
    const LevelFunction& function = (*functions)[i];
    auto address = units[i]->find(function.symbol);
    if (!address) return std::unexpected(std::move(address.error()));
    Impl::slot(*dispatch, function) = reinterpret_cast<abi::Evaluate>(*address);
    impl_->keep(units[i]);
    if (std::ranges::find(dispatch->code, units[i]) == dispatch->code.end()) dispatch->code.push_back(units[i]);
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
