// What generated code and the data plane agree on. Generated code answers one question: which predicates are true at
// this event? It extracts each field that live predicates look at once, and looks its value up once in the family's
// index, a table that the host owns; so a new constant changes a table and not the code. What follows from the answer
// (progress through the plan, delivery) is the host's.
//
// Everything here is plain data with a fixed layout: it is compiled into the daemon and, as bitcode, into every
// dispatch.
#pragma once

#include <cstdint>

namespace iris::abi {

// Of an event that is sampled: what each look-up takes.
struct LookupClock {
  std::uint64_t since = 0;          // the processor's cycle counter, when the look-up before was over
  std::uint64_t* cycles = nullptr;  // to add to, by number of the family
  std::uint32_t weight = 1;         // how often
};

// What is known when an Evaluate runs. Pointers are valid for that call.
struct Facts {
  // What offsets of parsers::Level::tuple are relative to: an iris::ConnRecord as it is at the first packet; of packets
  // by themselves, a parsers::packet::PacketFacts. Set at every event.
  const void* subject = nullptr;
  const void* session = nullptr;  // parsers::Level::session: the protocol's session type
  std::uint32_t protocol = 0;     // parsers::Level::protocol: number in parsers::registry(); 0 = none was identified
  std::uint32_t worker = 0;       // selects per-worker scratch memory
  // A parsers::packet::Headers: of the packet, or of the connection's first. Set where some family is of one of its
  // fields.
  const void* headers = nullptr;
  LookupClock* clock = nullptr;  // nullptr: the event is not sampled
};

// Numbers of the predicates found true. Ascending and distinct when Evaluate returns. `capacity` always suffices: the
// host sizes it for all predicates of the plan.
struct Matches {
  std::uint32_t* ids = nullptr;
  std::uint32_t count = 0;
  std::uint32_t capacity = 0;
};

// One family = field × operator. `index` is what jit/index built for it.
struct Family {
  const void* index = nullptr;
};

// Appends the true predicates of one level to `matches`. `families` is the pipeline's table; `evaluations` counts
// look-ups, one counter a family, owned by the calling worker.
using Evaluate = void (*)(const Facts* facts, const Family* families, std::uint64_t* evaluations,
                          Matches* matches) noexcept;

// ---- of few filters, with their values and the graph in the code ---------------------------------------------------

// Returns the true predicates of one level as bits, each predicate of the level having one. `scratch` is for look-ups
// of what is not compared: its ids mean nothing afterwards.
using FindTruths = std::uint64_t (*)(const Facts* facts, const Family* families, std::uint64_t* evaluations,
                                     Matches* scratch) noexcept;

// An action whose filter is true: `in_session`, for the session at hand.
struct Match {
  std::uint32_t action = 0;
  bool in_session = false;
  bool operator==(const Match&) const = default;
};

// One step of a connection through the graph, whose nodes and actions go by their numbers in the plan. The host sizes
// `kept` and `matches` for whatever may come.
struct Walking {
  // What is known.
  std::uint64_t truths = 0;
  const std::uint32_t* frontier = nullptr;  // nodes at which it stands
  std::uint32_t frontier_size = 0;
  std::uint32_t birth = 0;
  std::uint32_t protocol = 0;  // when one is identified, which
  bool sampled = false;
  std::uint64_t possible = 0;  // protocols that its transport can carry, bit per number
  // What comes of it.
  std::uint32_t* kept = nullptr;  // nodes at which it stands afterwards
  std::uint32_t kept_count = 0;
  std::uint32_t match_count = 0;
  Match* matches = nullptr;
  std::uint64_t* reported = nullptr;  // by action: the call that reported it last
  std::uint64_t call = 0;
  std::uint64_t* const* reached = nullptr;  // counters of nodes, by their places in the code
  // The host's part: edges that are asked one by one, at a node that was reached; what an author's filter of sessions
  // answers about the one at hand; and, of samples, that what is done from now on is done at a node.
  void (*take_direct)(Walking* walking, std::uint32_t node) noexcept = nullptr;
  bool (*accepted)(Walking* walking, std::uint32_t predicate) noexcept = nullptr;
  void (*work_at)(Walking* walking, std::uint32_t node) noexcept = nullptr;
};
using Walk = void (*)(Walking* walking) noexcept;

// ---- user code -----------------------------------------------------------------------------------------------------

// A call into user code: `arguments` points to what each parameter refers to, in order; for methods `object` is the
// state. Returns what the function did: an iris::FilterResult; of callbacks 0 where a method returned false, or else 1.
using Invoke = std::uint8_t (*)(void* object, const void* const* arguments);
using Construct = void (*)(void* memory, const void* const* arguments);
using Destroy = void (*)(void* object);

}  // namespace iris::abi
