#include "daemon/conn/user_code.hpp"

#include <bit>

#include "daemon/conn/on_behalf.hpp"

namespace iris::conn {
namespace {

std::size_t block_size(const Callee& callee) { return std::bit_ceil(std::size_t{callee.state_size}); }

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

void add_wants(const Callee& callee, const Connection& connection, Wants& wants) noexcept {
  const bool protocol = callee.has(Event::L7OnDisc) || callee.needs_protocol;
  if (callee.has(Event::InL4Conn)) wants.needs |= need::update;
  if (callee.has(Event::InL4Stream)) wants.needs |= need::stream;
  if (callee.has(Event::L4EndHshk)) wants.needs |= need::handshake;
  if (protocol && !connection.protocol_decided) wants.needs |= need::parse;
  const bool sessions =
      callee.has(Event::L7EndHdrs) || callee.has(Event::L7InSession) || callee.has(Event::L7EndSession);
  if (sessions && !connection.sessions_over) wants.needs |= need::parse;
  if (callee.has(Event::L4Terminated) || callee.stateful()) wants.needs |= need::terminate;
  wants.observation |= callee.observes;
}

std::optional<std::uint8_t> UserCode::call(const Callee& callee, const Function& function, const Connection& connection,
                                           const Active& active, const Occasion& occasion,
                                           std::uint8_t at_fault) noexcept {
  const void* arguments[max_arguments] = {};
  for (std::size_t i = 0; i < function.arguments.size(); ++i) {
    arguments[i] = arguments_.of(function.arguments[i], connection, active, occasion);
    if (arguments[i] == nullptr) return std::nullopt;
  }
  count(callee.counters.calls);
  const OnBehalf on_behalf(sink_, callee.subscription, occasion.ts, degraded_ || connection.record.degraded);
  Doing doing(meter_, Work::callbacks);
  std::uint8_t answer = at_fault;
  try {
    answer = function.invoke(active.object, arguments);
  } catch (...) {
    count(callee.counters.faults);
  }
  callee.counters.spend(doing.done());
  return answer;
}

void* UserCode::construct(const Callee& callee, Timestamp ts) noexcept {
  void* memory = blocks_.take(block_size(callee));
  if (memory == nullptr) return nullptr;
  const OnBehalf on_behalf(sink_, callee.subscription, ts, degraded_);
  try {
    callee.construct(memory, nullptr);
  } catch (...) {
    count(callee.counters.faults);
    blocks_.give(memory, block_size(callee));
    return nullptr;
  }
  count(callee.counters.objects);
  return memory;
}

void UserCode::destroy(const Callee& callee, void* object, Timestamp ts) noexcept {
  if (object == nullptr) return;
  {
    const OnBehalf on_behalf(sink_, callee.subscription, ts, degraded_);
    try {
      callee.destroy(object);
    } catch (...) {
      count(callee.counters.faults);
    }
  }
  blocks_.give(object, block_size(callee));
  callee.counters.objects.fetch_sub(1, std::memory_order_release);
}

}  // namespace iris::conn
