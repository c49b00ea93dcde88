// The cold part of a connection: everything that only somebody's needs make worth touching.
#pragma once

#include <cstdint>
#include <memory>

#include <iris/conn_record.hpp>

#include "daemon/conn/arena.hpp"
#include "daemon/conn/history.hpp"
#include "daemon/conn/layer7.hpp"
#include "daemon/conn/list.hpp"
#include "daemon/conn/reassembly.hpp"
#include "daemon/conn/tcp_state.hpp"
#include "jit/plan/plan.hpp"

namespace iris::conn {

// Bits of Record::needs: what live subscriptions still want of a connection. None: its packets cost one look-up.
namespace need {
inline constexpr std::uint8_t update = 0x01;     // InL4Conn
inline constexpr std::uint8_t stream = 0x02;     // InL4Stream
inline constexpr std::uint8_t parse = 0x04;      // the application protocol, or its sessions
inline constexpr std::uint8_t track = 0x08;      // counters and history
inline constexpr std::uint8_t handshake = 0x10;  // L4EndHshk
inline constexpr std::uint8_t terminate = 0x20;  // L4Terminated, or a filter that only the end decides
}  // namespace need

// A callback whose filter is true for the connection and that something may still happen to.
struct Active {
  plan::ActionId action = 0;
  void* object = nullptr;         // a stateful callback's
  const void* session = nullptr;  // that it matched, or that came last
};

struct Connection {
  explicit Connection(BlockPool& pool) : arena(pool) {}

  std::uint64_t first_packet = 0;  // Arrival::number
  ConnRecord record;               // the tuple and times always; the rest while need::track
  History history;
  std::array<Reassembler, 2> streams;  // TCP, by Direction
  HoldUse held;                        // by both streams
  List<plan::NodeId, 6> frontier;
  List<Active, 2> active;
  List<plan::ActionId, 2> delivered;  // connection-scoped callbacks that must not match again

  Layer7* layer7 = nullptr;  // in the arena; nullptr: not begun, or nobody needs it any more
  ConnectionArena arena;
  std::uint32_t protocol = 0;  // once decided
  bool protocol_decided = false;
  bool sessions = false;       // at least one was seen
  bool sessions_over = false;  // the parser is done, or gave up
};

}  // namespace iris::conn
