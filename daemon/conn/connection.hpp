// The cold part of a connection: everything that only somebody's needs make worth touching.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include <iris/conn_record.hpp>

#include "daemon/conn/arena.hpp"
#include "daemon/conn/history.hpp"
#include "daemon/conn/layer7.hpp"
#include "daemon/conn/list.hpp"
#include "daemon/conn/observe.hpp"
#include "daemon/conn/progress.hpp"
#include "daemon/conn/reassembly.hpp"
#include "daemon/conn/tcp_state.hpp"
#include "jit/plan/plan.hpp"

namespace iris::conn {

// Bits of Record::needs: what live subscriptions still want of a connection. None: its packets cost one look-up.
namespace need {
inline constexpr std::uint8_t update = 0x01;     // InL4Conn
inline constexpr std::uint8_t stream = 0x02;     // InL4Stream
inline constexpr std::uint8_t parse = 0x04;      // the application protocol, or its sessions
inline constexpr std::uint8_t track = 0x08;      // something of Observed
inline constexpr std::uint8_t handshake = 0x10;  // L4EndHshk
inline constexpr std::uint8_t terminate = 0x20;  // L4Terminated, or a filter that only the end decides
inline constexpr std::uint8_t watch = 0x40;      // streaming predicates, asked about at every packet
}  // namespace need

// A callback whose filter is true for the connection and that something may still happen to.
struct Active {
  plan::ActionId action = 0;
  void* object = nullptr;         // a stateful callback's
  const void* session = nullptr;  // that it matched, or that came last
};

// What it takes to look into the payload. Exists only while somebody needs that, or still refers to a session.
struct Content {
  explicit Content(BlockPool& pool) : arena(pool) {}

  std::array<Reassembler, 2> streams;  // TCP, by Direction
  HoldUse held;                        // by both streams
  Layer7* layer7 = nullptr;            // in the arena; nullptr: not begun, or nobody needs it any more
  List<const void*, 2> kept;           // sessions that have ended, and that active callbacks still refer to
  ConnectionArena arena;
};

// A callback for each session that has been told of one of which another alternative of its filter is pending.
struct Told {
  plan::ActionId action = 0;
  const void* session = nullptr;
};

// What only filters make a connection keep that its growth, none(…) or authors' code decides: in a block of the
// worker's, since most connections have nothing of it.
struct Undecided {
  List<Pending, 3> pending;   // in the order in which they became so
  List<Told, 1> told;         // of sessions in `pending`
  List<Verdict, 1> verdicts;  // of filters that were begun; in that order

  [[nodiscard]] bool empty() const noexcept { return pending.empty() && told.empty() && verdicts.empty(); }
};

struct Connection {
  // Fetches what a packet will touch, given Record::needs.
  void prefetch(std::uint8_t needs) const noexcept;

  // Of `undecided`.
  [[nodiscard]] std::span<const Pending> pending() const noexcept {
    return undecided != nullptr ? undecided->pending.view() : std::span<const Pending>{};
  }
  [[nodiscard]] std::span<const Told> told() const noexcept {
    return undecided != nullptr ? undecided->told.view() : std::span<const Told>{};
  }
  [[nodiscard]] std::span<const Verdict> verdicts() const noexcept {
    return undecided != nullptr ? undecided->verdicts.view() : std::span<const Verdict>{};
  }
  // nullptr when memory is exhausted.
  [[nodiscard]] Undecided* make_undecided(BlockCache& blocks) noexcept;
  void forget_undecided(BlockCache& blocks) noexcept;

  // Another protocol may follow within this one, for which progress begins anew.
  [[nodiscard]] bool awaits_tunnel() const noexcept { return tunnels && !sessions_over; }

  std::uint64_t first_packet = 0;  // Arrival::number
  ConnRecord record;               // the tuple, times, `midstream` and VLANs always; the rest while it is wanted
  History history;
  Observed observed;
  List<plan::NodeId, 6> frontier;
  Undecided* undecided = nullptr;  // nullptr: nothing is
  List<Active, 2> active;
  List<plan::ActionId, 2> delivered;  // connection-scoped callbacks that must not match again

  std::uint32_t content = no_index;  // of a Content
  std::uint16_t protocol = 0;        // once decided
  bool protocol_decided = false;
  bool tunnels = false;        // another protocol may follow within this one, and is waited for
  bool tunnelled = false;      // so it is, or was for some time
  bool sessions = false;       // at least one was seen
  bool sessions_over = false;  // the parser is done, or gave up
  bool wound_up = false;       // closed: its streams are over, and it lingers for late packets
};

// What a typical connection keeps for the plan, however many subscriptions there are.
static_assert(sizeof(Connection::frontier) + sizeof(decltype(Connection::undecided)) + sizeof(Connection::delivered) <=
              64);

inline Undecided* Connection::make_undecided(BlockCache& blocks) noexcept {
  if (undecided == nullptr) {
    if (void* block = blocks.take(sizeof(Undecided))) undecided = new (block) Undecided;
  }
  return undecided;
}

inline void Connection::forget_undecided(BlockCache& blocks) noexcept {
  if (undecided == nullptr) return;
  undecided->pending.clear(blocks);
  undecided->told.clear(blocks);
  undecided->verdicts.clear(blocks);
  blocks.give(std::exchange(undecided, nullptr), sizeof(Undecided));
}

inline void Connection::prefetch(std::uint8_t needs) const noexcept {
  const auto* bytes = reinterpret_cast<const char*>(this);
  const bool more = (needs & ~(need::track | need::terminate)) != 0;
  const std::size_t end = more ? sizeof(Connection) : sizeof(ConnRecord) + sizeof(History) + sizeof(Observed);
  for (std::size_t line = 0; line < end; line += 64) __builtin_prefetch(bytes + line, 1);
}

}  // namespace iris::conn
