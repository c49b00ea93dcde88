// IPv4 and IPv6 datagrams put together from their fragments (RFC 791, 3.2; RFC 8200, 4.5).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "daemon/source/packet.hpp"
#include "parsers/packet/decode.hpp"

namespace iris::worker {

struct FragmentLimits {
  std::uint32_t datagrams = 1024;    // incomplete ones at a time; beyond it the oldest is given up
  std::uint32_t packets = 4096;      // held at a time, of all
  Duration timeout{30'000'000'000};  // from a datagram's first fragment to its last; capture time
};

// Totals since the start.
struct FragmentCounters {
  std::uint64_t fragments = 0;
  std::uint64_t datagrams = 0;    // put together
  std::uint64_t expired = 0;      // datagrams given up: time or room ran out
  std::uint64_t overlapping = 0;  // datagrams given up because fragments overlap (RFC 5722)
  std::uint64_t malformed = 0;    // fragments that no datagram can have
};

// Used by one thread. Allocates nothing after construction.
class Fragments {
 public:
  // `holder` outlives it: holds the fragments, and gives room for the datagrams.
  Fragments(const FragmentLimits& limits, source::PacketHolder& holder);
  ~Fragments();

  // Takes a fragment: `decoded` is what decode() made of it, with DecodeStatus::fragment; its IP header lies at
  // decoded.network. With the last one missing, the datagram: a packet of LinkType::raw_ip with the first fragment's
  // header, less what says that it is one, that the caller releases. `ts` and `wire_length`'s link part are those of
  // `packet`.
  [[nodiscard]] std::optional<source::PacketRef> add(const source::PacketRef& packet,
                                                     const parsers::packet::Decoded& decoded) noexcept;
  // Gives up what has waited too long at `now`.
  void expire(Timestamp now) noexcept;

  [[nodiscard]] const FragmentCounters& counters() const noexcept { return counters_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  FragmentCounters counters_;
};

}  // namespace iris::worker
