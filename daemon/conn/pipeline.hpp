// One compiled plan with the code it calls: what a worker runs in one epoch. Immutable.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <iris/event.hpp>

#include "jit/abi/data_types.hpp"
#include "jit/abi/dispatch.hpp"
#include "jit/codegen/dispatch.hpp"
#include "jit/codegen/straight.hpp"
#include "jit/index/paged.hpp"
#include "jit/plan/plan.hpp"

namespace iris::conn {

// What a parameter of user code refers to.
using Argument = abi::DataType;
inline constexpr std::size_t max_arguments = 8;

struct Function {
  std::optional<Event> event;  // nullopt: as soon as the filter is true and all arguments are ready
  Event ready = Event::L4FirstPacket;
  std::vector<Argument> arguments;
  abi::Invoke invoke = nullptr;

  // When it runs if the filter is true before that.
  [[nodiscard]] Event when() const { return event.value_or(ready); }
  [[nodiscard]] bool runs_at(Event now) const { return event ? *event == now : now >= ready; }
};

// Written by workers, read by anyone.
struct CallbackCounters {
  std::atomic<std::uint64_t> matched{0};  // connections, sessions or packets for which the filter became true
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> faults{0};   // exceptions that left user code
  std::atomic<std::uint64_t> objects{0};  // live states, over all workers
  std::atomic<std::uint64_t> cycles{0};   // of samples (daemon/conn/meter.hpp)

  void spend(std::uint64_t sampled) {
    if (sampled != 0) cycles.fetch_add(sampled, std::memory_order_relaxed);
  }
};

// The code of a callback, or of a user-defined filter. Owned by its subscription, or its unit, and alive until no
// worker holds an object or an unfinished delivery.
struct Callee {
  std::uint32_t subscription = 0;          // filters: 0, as they act on nobody's behalf
  const parsers::Field* filter = nullptr;  // filters: what predicates call it
  std::vector<Function> functions;
  std::uint16_t events = 0;     // bit per iris::Event at which some function runs
  abi::Observation observes;    // for what its functions take
  bool needs_session = false;   // some function takes a session
  bool needs_protocol = false;  // some function takes a Service
  // The object; size 0: a plain function.
  std::uint32_t state_size = 0;
  std::uint32_t state_alignment = 1;
  abi::Construct construct = nullptr;
  abi::Destroy destroy = nullptr;
  mutable CallbackCounters counters;

  [[nodiscard]] bool stateful() const { return state_size != 0; }
  [[nodiscard]] bool has(Event event) const { return (events >> static_cast<unsigned>(event) & 1U) != 0; }
};

// The callbacks of one kind of subject, connections or packets, merged: a plan with the code that evaluates it and the
// code that it calls.
struct Merged {
  std::shared_ptr<const plan::Plan> plan;
  std::shared_ptr<const codegen::Dispatch> dispatch;
  std::shared_ptr<const codegen::Straight> straight;  // in the dispatch's and Progress' place; nullptr: not yet, or not
  std::vector<abi::Family> families;                  // as plan->families
  bool needs_headers = false;                         // some family is of a field of packet::Headers
  index::Paged<std::shared_ptr<const Callee>> callees;  // by plan::ActionId, removed ones that are still known too
};

struct Pipeline : Merged {  // for connections
  std::uint32_t epoch = 0;
  std::uint32_t edition = 0;                           // of the epoch: the same, with better code
  bool session_data_wanted = false;                    // some callback, or filter, runs at L7InSession
  std::vector<std::shared_ptr<const Callee>> filters;  // user-defined ones that live callbacks name; by Callee::filter
  std::optional<Merged> packets;                       // for packets by themselves; nullopt: nobody wants them
};

}  // namespace iris::conn
