#include "daemon/control/units.hpp"

#include <algorithm>

#include "daemon/conn/list.hpp"
#include "daemon/control/stopwatch.hpp"

namespace iris::control {
namespace {

template <class Pointer>
Result<void> find(const engine::Unit& unit, const std::string& symbol, Pointer& pointer) {
  const auto address = unit.find(symbol);
  if (!address) return std::unexpected(address.error());
  pointer = reinterpret_cast<Pointer>(*address);
  return {};
}

Result<conn::Function> function_of(const engine::Unit& unit, const frontend::Function& function) {
  if (function.parameters.size() > conn::max_arguments) {
    return fail(ErrorCode::invalid,
                "'" + function.name + "' takes more than " + std::to_string(conn::max_arguments) + " parameters");
  }
  conn::Function linked;
  linked.event = function.event;
  for (const auto& parameter : function.parameters) {
    linked.arguments.push_back(parameter.type);
    linked.ready = std::max(linked.ready, abi::info_of(parameter.type).ready);
  }
  if (auto found = find(unit, function.symbol, linked.invoke); !found) return std::unexpected(found.error());
  return linked;
}

Result<void> add_functions(const engine::Unit& unit, std::span<const frontend::Function> functions,
                           conn::Callee& callee) {
  for (const auto& function : functions) {
    auto linked = function_of(unit, function);
    if (!linked) return std::unexpected(linked.error());
    callee.events |= static_cast<std::uint16_t>(1U << static_cast<unsigned>(linked->when()));
    for (const auto& parameter : function.parameters) {
      callee.observes |= abi::observation_of(parameter.type, parameter.argument);
      callee.needs_session |= parameter.type == abi::DataType::session;
      callee.needs_protocol |= parameter.type == abi::DataType::service;
    }
    callee.functions.push_back(std::move(*linked));
  }
  return {};
}

Result<void> add_state(const engine::Unit& unit, const std::string& name, const frontend::State& state,
                       conn::Callee& callee) {
  if (state.alignment > conn::BlockCache::alignment) {
    return fail(ErrorCode::invalid,
                "'" + name + "' is aligned to more than " + std::to_string(conn::BlockCache::alignment) + " bytes");
  }
  if (state.size > conn::BlockOptions::usual_largest) {
    return fail(ErrorCode::invalid, "'" + name + "' has " + std::to_string(state.size) +
                                        " bytes of state a connection; at most " +
                                        std::to_string(conn::BlockOptions::usual_largest) + " are possible");
  }
  callee.state_size = state.size;
  callee.state_alignment = state.alignment;
  if (auto found = find(unit, state.construct_symbol, callee.construct); !found) return found;
  return find(unit, state.destroy_symbol, callee.destroy);
}

// Of a callback or a filter.
template <class Code>
Result<std::shared_ptr<conn::Callee>> callee_of(const engine::Unit& unit, const Code& code,
                                                std::uint32_t subscription) {
  auto callee = std::make_shared<conn::Callee>();
  callee->subscription = subscription;
  auto done = add_functions(unit, code.functions, *callee);
  if (done && code.state) done = add_state(unit, code.name, *code.state, *callee);
  if (!done) return std::unexpected(done.error());
  return callee;
}

Result<void> make_filters(Unit& unit) {
  for (const frontend::UserFilter& filter : unit.spec.filters) {
    const std::string sessions = filter.state ? "" : frontend::sessions_of(filter.functions.front());
    unit.filters.push_back(std::make_unique<const filter::UserFilter>(
        filter.name, sessions.empty() ? nullptr : parsers::find_protocol(sessions)));
    auto callee = callee_of(*unit.code, filter, 0);
    if (!callee) return std::unexpected(callee.error());
    (*callee)->filter = &unit.filters.back()->field();
    unit.filter_code.push_back(std::move(*callee));
  }
  return {};
}

}  // namespace

UnitNames::UnitNames(const Unit& unit, std::span<const filter::NamedFile> named_files) : files(named_files) {
  for (const auto& filter : unit.filters) filters.push_back(filter.get());
}

Result<std::vector<std::shared_ptr<conn::Callee>>> callees_of(const Unit& unit, std::uint32_t subscription) {
  std::vector<std::shared_ptr<conn::Callee>> callees;
  callees.reserve(unit.spec.callbacks.size());
  for (const auto& callback : unit.spec.callbacks) {
    auto callee = callee_of(*unit.code, callback, subscription);
    if (!callee) return std::unexpected(callee.error());
    callees.push_back(std::move(*callee));
  }
  return callees;
}

std::shared_ptr<const Unit> Units::known(const jit::Source& source) {
  if (!source.stateless) return nullptr;
  const std::lock_guard lock(mutex_);
  std::erase_if(shared_, [](const auto& entry) { return entry.second.expired(); });
  const auto found = shared_.find(source.text);
  return found == shared_.end() ? nullptr : found->second.lock();
}

Result<Made> Units::make(const jit::Source& source, const std::string& name) {
  Made made;
  made.unit = known(source);
  if (made.unit != nullptr) return made;
  auto compiled = compiler_.compile(source);
  if (!compiled) return std::unexpected(compiled.error());
  made.stages = std::move(compiled->stages);
  made.warnings = std::move(compiled->warnings);
  Stopwatch watch(made.stages);
  auto code = engine_.load(compiled->object, name, engine::Trust::user, compiled->spec.init_symbol);
  if (!code) return std::unexpected(code.error());
  auto rows = std::make_shared<const std::vector<abi::Row>>(compiled->spec.rows);
  auto unit = std::make_shared<Unit>(source, std::move(compiled->spec), std::move(rows), std::move(*code));
  if (auto filters = make_filters(*unit); !filters) return std::unexpected(filters.error());
  watch.lap("link");
  if (source.stateless) {
    const std::lock_guard lock(mutex_);
    shared_[source.text] = unit;
  }
  made.unit = std::move(unit);
  return made;
}

}  // namespace iris::control
