// The hot part of a connection: one cache line, all that a packet touches when nobody needs its connection.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/conn/key.hpp"
#include "daemon/conn/tcp_state.hpp"
#include "daemon/conn/ticks.hpp"

namespace iris::conn {

inline constexpr std::uint32_t no_index = 0xffffffffU;

// Bits of Record::flags. The rest are free.
namespace record_flag {
inline constexpr std::uint8_t in_use = 0x01;             // the table's: the record holds a connection
inline constexpr std::uint8_t originator_is_low = 0x02;  // the originator is the key's low end
inline constexpr std::uint8_t midstream = 0x04;          // TCP, picked up without its SYN
}  // namespace record_flag

// Owned by a ConnectionTable; its address and index stay the same for the connection's life.
struct alignas(64) Record {
  Key key;
  Tick last_seen = 0;             // of the latest packet
  std::uint32_t epoch = 0;        // of the pipeline that `needs` and progress are true for
  std::uint32_t birth = 0;        // epoch of the first packet
  std::uint32_t cold = no_index;  // index of the cold part; no_index: none
  std::uint8_t needs = 0;         // what live subscriptions still want of it
  std::uint8_t flags = 0;
  TcpState tcp;
  std::uint32_t generation = 0;  // differs for each connection that this record has held; never 0 while in use

  [[nodiscard]] bool in_use() const { return (flags & record_flag::in_use) != 0; }
  [[nodiscard]] bool originator_is_low() const { return (flags & record_flag::originator_is_low) != 0; }
};
static_assert(sizeof(Record) == 64 && alignof(Record) == 64);
static_assert(offsetof(Record, last_seen) == 40 && offsetof(Record, epoch) == 44 && offsetof(Record, birth) == 48);
static_assert(offsetof(Record, cold) == 52 && offsetof(Record, needs) == 56 && offsetof(Record, flags) == 57);
static_assert(offsetof(Record, tcp) == 58 && sizeof(TcpState) == 2 && offsetof(Record, generation) == 60);

// The tick at which a connection without further packets has been idle for `timeout`: its end, by definition, however
// late that is noticed.
[[nodiscard]] constexpr Tick deadline(const Record& record, Tick timeout) { return record.last_seen + timeout; }

// Whether the connection had ended before a packet at `now`, which is then the first of another one.
[[nodiscard]] constexpr bool expired(const Record& record, Tick now, Tick timeout) {
  return !before(now, deadline(record, timeout));
}

}  // namespace iris::conn
