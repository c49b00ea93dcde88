// What one worker's streams hold back: segments that came before bytes which are still missing. They stay in the
// packets of the source as long as there are enough of these; beyond that they are copied into memory taken at the
// start; beyond that nothing is held, and what is missing is given up as a gap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <iris/l4_pdu.hpp>

#include "daemon/conn/counter.hpp"
#include "daemon/conn/limits.hpp"
#include "daemon/conn/memory_use.hpp"
#include "daemon/conn/record.hpp"
#include "daemon/source/packet.hpp"

namespace iris::conn {

// Why missing bytes are no longer waited for.
enum class GapReason : std::uint8_t {
  time,     // ReassemblyLimits::gap_after is over
  packets,  // ReassemblyLimits::packets of a connection are held
  bytes,    // ReassemblyLimits::bytes
  pool,     // neither a packet nor memory to copy to: the worker's limits, or pressure
  jump,     // the stream goes on so far away that nothing in between will be seen
  end,      // of the stream
  cut,      // the capture has the beginning of the packet only
};
inline constexpr std::size_t gap_reasons = 7;

// Written by the worker, read by anyone.
struct HoldCounters {
  // At present.
  Counter held_packets;  // references to packets of the source
  Counter copied_bytes;  // memory in use for copies, in whole chunks
  // Since the start.
  std::array<Counter, gap_reasons> gaps{};  // by GapReason
  Counter dropped_segments;                 // with data or FIN: stray, or after the stream's end

  [[nodiscard]] std::uint64_t gaps_by(GapReason reason) const { return gaps[static_cast<std::size_t>(reason)].load(); }
};

// What a connection's two directions hold together.
struct HoldUse {
  std::uint32_t packets = 0;  // parts of packets: one that is cut up by an overlap or copied in chunks counts for each
  std::uint32_t bytes = 0;    // of their payload
};

// Used by its worker's thread only, but for counters(). Allocates nothing after construction.
class HoldPool {
 public:
  static constexpr std::uint32_t chunk_bytes = 2048;  // a copy takes one chunk or several, however small it is

  // `holder` outlives the pool. Copy memory is ReassemblyLimits::copied_bytes, rounded down to chunks; with `prefault`
  // its pages exist on return. Throws std::bad_alloc when memory is not to be had.
  HoldPool(const ReassemblyLimits& limits, source::PacketHolder& holder, bool prefault = false);
  HoldPool(const HoldPool&) = delete;
  HoldPool& operator=(const HoldPool&) = delete;

  // To be called once a burst. Counts from the next segment on; what is held already stays.
  void set_pressure(source::Pressure pressure) noexcept { pressure_ = pressure; }

  [[nodiscard]] const HoldCounters& counters() const noexcept { return counters_; }
  // Memory for copies. `refused` counts what could be neither held nor copied, for want of packets, of this memory or
  // under pressure: each time a stream lacks something, or bytes that count less are kept. Thread: any.
  [[nodiscard]] MemoryUse use() const noexcept;
  [[nodiscard]] const ReassemblyLimits& limits() const noexcept { return limits_; }

 private:
  friend class Reassembler;

  // Bytes that follow each other in a stream, either all captured or all cut off by the capture.
  struct Node {
    L4Pdu pdu;            // `payload` lies in `packet` or in `chunk`
    std::uint32_t cut;    // bytes; `payload` is empty then, and nothing else is held
    std::uint32_t next;   // in the stream, or in the chain of free nodes
    std::uint32_t chunk;  // no_index: in `packet`
    source::PacketRef packet;
  };

  // Whether there is room for `nodes` more nodes of a connection, one of them with new bytes. The last three: there is
  // none, by the connection's limits or the worker's.
  enum class Room : std::uint8_t { hold, copy, no_packets, no_bytes, no_pool };
  struct Need {
    std::uint32_t bytes = 0;  // to be held; 0: they are cut off
    std::uint32_t nodes = 1;
  };
  [[nodiscard]] Room room(const HoldUse& use, Need need) noexcept;  // counts what is refused
  [[nodiscard]] Room room_of_worker(Need need) const noexcept;      // the connection's limits aside

  // All three: room() was found. take() makes `pdu` a held packet or, after Room::copy, a copy of at most chunk_bytes.
  [[nodiscard]] std::uint32_t take(const L4Pdu& pdu, Room room, const source::PacketRef& packet) noexcept;
  [[nodiscard]] std::uint32_t take_cut(const L4Pdu& pdu, std::uint32_t cut) noexcept;
  // Another node for a part of what `index` holds.
  [[nodiscard]] std::uint32_t share(std::uint32_t index, const L4Pdu& part, std::uint32_t cut) noexcept;
  void free(std::uint32_t index) noexcept;

  [[nodiscard]] std::uint32_t take_node() noexcept;
  void count_gap(GapReason reason) noexcept;
  void count_dropped() noexcept;

  source::PacketHolder& holder_;
  const ReassemblyLimits limits_;
  source::Pressure pressure_ = source::Pressure::none;
  std::vector<Node> nodes_;
  std::uint32_t free_ = no_index;  // chained by Node::next
  std::uint32_t free_nodes_ = 0;
  std::unique_ptr<std::uint8_t[]> chunks_;
  std::vector<std::uint32_t> free_chunks_;   // a stack
  std::vector<std::uint16_t> chunk_shares_;  // nodes that lie in each chunk
  HoldCounters counters_;
  Counter refused_;
};

}  // namespace iris::conn
