// What every connection has, whether anybody needs it or not: two cache lines. The first is all that a packet of UDP
// touches when nobody needs its connection; the second is TCP's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/conn/key.hpp"
#include "daemon/conn/tcp_state.hpp"
#include "daemon/conn/ticks.hpp"

namespace iris::conn {

inline constexpr std::uint32_t no_index = 0xffffffffU;

// Names the slot of the timer wheel in which an index is to come due; 0: none. The wheel's to write.
using Timer = std::uint16_t;

// Bits of Record::flags. The rest are free.
namespace record_flag {
inline constexpr std::uint8_t in_use = 0x01;             // the table's: the record holds a connection
inline constexpr std::uint8_t originator_is_low = 0x02;  // the originator is the key's low end
inline constexpr std::uint8_t midstream = 0x04;          // TCP, picked up without its SYN
inline constexpr std::uint8_t holding = 0x08;            // a stream waits for missing bytes: there is a gap's deadline
inline constexpr std::uint8_t left_out = 0x10;           // TCP, the packet filter may have left out packets of it
}  // namespace record_flag

// Owned by a ConnectionTable; its address and index stay the same for the connection's life.
struct alignas(128) Record {
  Key key;
  Tick last_seen = 0;             // of the latest packet
  std::uint32_t epoch = 0;        // of the pipeline that `needs` and progress are true for
  std::uint32_t birth = 0;        // epoch of the first packet
  std::uint32_t cold = no_index;  // index of the cold part; no_index: none
  std::uint8_t needs = 0;         // what live subscriptions still want of it
  std::uint8_t flags = 0;
  TcpState tcp;
  std::uint16_t generation = 0;  // differs for connections that this record held one after the other; never 0 in use
  Timer timer = 0;
  // The second line. The two are fetched together: processors do so by themselves, and prefetch() asks for both.
  alignas(64) TcpSequences sequences;

  [[nodiscard]] bool in_use() const { return (flags & record_flag::in_use) != 0; }
  [[nodiscard]] bool originator_is_low() const { return (flags & record_flag::originator_is_low) != 0; }
};
static_assert(sizeof(Record) == 128 && alignof(Record) == 128);
static_assert(offsetof(Record, last_seen) == 40 && offsetof(Record, epoch) == 44 && offsetof(Record, birth) == 48);
static_assert(offsetof(Record, cold) == 52 && offsetof(Record, needs) == 56 && offsetof(Record, flags) == 57);
static_assert(offsetof(Record, tcp) == 58 && sizeof(TcpState) == 2 && offsetof(Record, timer) == 62);
static_assert(sizeof(TcpSequences) <= 64);

// The tick at which a connection without further packets has been idle for `timeout`: its end, by definition, however
// late that is noticed.
[[nodiscard]] constexpr Tick deadline(const Record& record, Tick timeout) { return record.last_seen + timeout; }

// Whether the connection had ended before a packet at `now`, which is then the first of another one.
[[nodiscard]] constexpr bool expired(const Record& record, Tick now, Tick timeout) {
  return !before(now, deadline(record, timeout));
}

}  // namespace iris::conn
