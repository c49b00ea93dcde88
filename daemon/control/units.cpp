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

Result<std::shared_ptr<conn::Callee>> callee_of(const engine::Unit& unit, const frontend::Callback& callback,
                                                std::uint32_t subscription) {
  auto callee = std::make_shared<conn::Callee>();
  callee->subscription = subscription;
  for (const auto& function : callback.functions) {
    auto linked = function_of(unit, function);
    if (!linked) return std::unexpected(linked.error());
    callee->events |= static_cast<std::uint16_t>(1U << static_cast<unsigned>(linked->when()));
    for (const auto& parameter : function.parameters) {
      callee->observes |= abi::observation_of(parameter.type, parameter.argument);
      callee->needs_session |= parameter.type == abi::DataType::session;
      callee->needs_protocol |= parameter.type == abi::DataType::service;
    }
    callee->functions.push_back(std::move(*linked));
  }
  if (callback.state) {
    if (callback.state->alignment > conn::BlockCache::alignment) {
      return fail(ErrorCode::invalid, "'" + callback.name + "' is aligned to more than " +
                                          std::to_string(conn::BlockCache::alignment) + " bytes");
    }
    if (callback.state->size > conn::BlockOptions::usual_largest) {
      return fail(ErrorCode::invalid, "'" + callback.name + "' has " + std::to_string(callback.state->size) +
                                          " bytes of state a connection; at most " +
                                          std::to_string(conn::BlockOptions::usual_largest) + " are possible");
    }
    callee->state_size = callback.state->size;
    callee->state_alignment = callback.state->alignment;
    if (auto found = find(unit, callback.state->construct_symbol, callee->construct); !found) {
      return std::unexpected(found.error());
    }
    if (auto found = find(unit, callback.state->destroy_symbol, callee->destroy); !found) {
      return std::unexpected(found.error());
    }
  }
  return callee;
}

}  // namespace

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
  auto unit = std::make_shared<const Unit>(source, std::move(compiled->spec), std::move(rows), std::move(*code));
  watch.lap("link");
  if (source.stateless) {
    const std::lock_guard lock(mutex_);
    shared_[source.text] = unit;
  }
  made.unit = std::move(unit);
  return made;
}

}  // namespace iris::control
