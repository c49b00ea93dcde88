// Calls into authors' code, of callbacks and of filters: with the arguments they take, on whose behalf, and what comes
// of exceptions. The only place from which it is called on a worker, besides packet_events.hpp.
#pragma once

#include <cstdint>
#include <optional>

#include "daemon/conn/arguments.hpp"
#include "daemon/conn/connection.hpp"
#include "daemon/conn/meter.hpp"
#include "daemon/conn/pipeline.hpp"
#include "jit/abi/host_api.hpp"

namespace iris::conn {

// What somebody still wants of a connection.
struct Wants {
  std::uint8_t needs = 0;  // need bits
  abi::Observation observation;
};

// What it takes until the functions have run that are still to come. need::track is left to the caller.
void add_wants(const Callee& callee, const Connection& connection, Wants& wants) noexcept;

// One a worker; used by its thread only.
class UserCode {
 public:
  UserCode(BlockCache& blocks, abi::EmitSink& sink, Meter& meter) : blocks_(blocks), sink_(sink), meter_(meter) {}

  // Whether contents of packets are being given up for want of memory. Once a burst.
  void set_degraded(bool degraded) noexcept { degraded_ = degraded; }

  // What the function answered, as abi::Invoke has it; `at_fault` where it threw. nullopt: it was not called, because
  // an argument is not there.
  [[nodiscard]] std::optional<std::uint8_t> call(const Callee& callee, const Function& function,
                                                 const Connection& connection, const Active& active,
                                                 const Occasion& occasion, std::uint8_t at_fault) noexcept;
  // nullptr: there is no memory, or the constructor threw.
  [[nodiscard]] void* construct(const Callee& callee, Timestamp ts) noexcept;
  // `object` may be nullptr.
  void destroy(const Callee& callee, void* object, Timestamp ts) noexcept;

 private:
  BlockCache& blocks_;
  abi::EmitSink& sink_;
  Meter& meter_;
  Arguments arguments_;
  bool degraded_ = false;
};

}  // namespace iris::conn
