// What is kept of a connection's packets for those who take it: counters, times between packets, raw packets. What
// nobody takes is neither computed nor stored; what only some take lies apart from the connection, in blocks of the
// worker's pools.
//
// What is wanted is fixed by the first packet, and only shrinks afterwards: whoever comes later is not shown this
// connection. So what somebody sees never depends on who else looks.
#pragma once

#include <array>
#include <cstdint>

#include <iris/conn_parts.hpp>
#include <iris/link.hpp>
#include <iris/packets.hpp>

#include "daemon/conn/arena.hpp"
#include "daemon/conn/arrival.hpp"
#include "daemon/conn/coverage.hpp"
#include "daemon/conn/list.hpp"
#include "daemon/conn/tcp_metrics.hpp"
#include "jit/abi/data_types.hpp"
#include "parsers/packet/headers.hpp"

namespace iris::conn {

struct Connection;

struct ArrivalTimes {
  InterArrivals value;
  std::array<Timestamp, 2> latest{};  // by Direction
  std::array<bool, 2> any{};
};

// Copies of a connection's first packets: each once, whichever of the three lists have it.
struct KeptPackets {
  static constexpr std::size_t max_bytes = std::size_t{64} << 10;  // of one list

  struct List {
    detail::PacketList view;  // what user code is given
    KeptPacket* packets = nullptr;
    std::uint32_t room = 0;
    std::uint32_t bytes = 0;
    bool over = false;  // nothing more is taken
  };

  explicit KeptPackets(BlockPool& pool) : memory(pool) {}

  ConnectionArena memory;
  List both;
  List originator;
  List responder;
};

// Part of a connection's cold part; forget() before it is destroyed.
struct Observed {
  // Fetches what a packet will touch.
  void prefetch() const noexcept {
    if (coverage == nullptr) return;
    for (const Coverage& direction : *coverage) __builtin_prefetch(&direction, 1);
  }

  abi::Observation wanted;
  std::array<std::uint64_t, 2> sent_payload{};  // retransmissions included; by Direction
  // Absent until first used, or without memory.
  std::array<Coverage, 2>* coverage = nullptr;  // TCP; by Direction
  TcpMeter* meter = nullptr;                    // TCP
  ArrivalTimes* arrivals = nullptr;
  KeptPackets* packets = nullptr;
  EthAddr* link = nullptr;
  parsers::packet::Headers* headers = nullptr;  // of the first packet, where filters ask for them again
};

// One packet of the connection.
struct Sighting {
  const L4Pdu& pdu;
  const Arrival& arrival;
  const TcpHeader& tcp;           // of a segment
  const TcpSequences& sequences;  // of its connection, after advance()
  bool first = false;             // of the connection
};

struct ObserverMemory {
  BlockCache& blocks;
  BlockPool& arenas;
};

// Adds one packet, in order of arrival; `record.last` is still the time of the one before.
void observe(Connection& connection, const Sighting& seen, ObserverMemory memory) noexcept;
// Of a packet that brought TCP or UDP.
[[nodiscard]] parsers::packet::Headers headers_of(const Arrival& arrival) noexcept;
// Until forget().
void keep_headers(Observed& observed, const parsers::packet::Headers& headers, BlockCache& blocks) noexcept;
// The connection is over: what was not seen by now is missing.
void note_gaps(Connection& connection) noexcept;
// From now on only what `wanted` has, too. Frees the rest.
void narrow(Observed& observed, const abi::Observation& wanted, ObserverMemory memory) noexcept;
// Frees everything.
void forget(Observed& observed, ObserverMemory memory) noexcept;

}  // namespace iris::conn
