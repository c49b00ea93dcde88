// IPv4 and IPv6 datagrams put together from their fragments (RFC 791, 3.2; RFC 8200, 4.5).
//
// A datagram is one whose addresses, identification, IP version, and for IPv4 protocol are the same (RFC 8200 leaves
// the protocol out), with the same VLAN tags, tunnel and depth of tunnels: networks whose addresses overlap do not mix.
// Fragments come in any order. Exact duplicates, in place and bytes, are ignored. Fragments that overlap otherwise, or
// that disagree on where the datagram ends, end it: all of it is given up, with what of it is still to come, until its
// time is over (RFC 5722). IPv4 too: the hosts that receive an overlap differ in which bytes they take, so that no
// guess would be what the application sees, and no sender has an honest reason to make one.
//
// Where the capture cut fragments off, the datagram is cut off at the first byte that lacks, just as one packet of its
// size would have been: `length` says what is there, `wire_length` what was.
//
// Not librte_ip_frag: it needs mbufs, which captures do not have; puts together eight fragments at most, where
// 65,535 bytes over Ethernet are 45; and lets overlaps pass.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "daemon/source/packet.hpp"
#include "parsers/packet/decode.hpp"

namespace iris::worker {

struct FragmentLimits {
  std::uint32_t datagrams = 1024;    // incomplete ones at a time, at least 1; beyond it the oldest is given up
  std::uint32_t packets = 4096;      // held at a time, of all, at least 1
  Duration timeout{30'000'000'000};  // from a datagram's first fragment to its last; capture time
  // Of the hash. Secret and random on live traffic, so that nobody can aim at one bucket. No result depends on it.
  std::uint64_t seed = 0;
};

// Totals since the start. At any time, fragments = used + duplicates + malformed + lost + those held.
struct FragmentCounters {
  std::uint64_t fragments = 0;
  std::uint64_t used = 0;        // in datagrams put together
  std::uint64_t duplicates = 0;  // ignored; one that comes after its datagram is whole begins another, and is lost
  std::uint64_t malformed = 0;   // that no datagram can have: see parsers::packet::read_fragment()
  std::uint64_t lost = 0;        // given up with their datagram, or came after it was; or came when nothing is kept

  std::uint64_t datagrams = 0;  // put together
  std::uint64_t cut_off = 0;    // of these: lack bytes that the capture left out
  std::uint64_t expired = 0;    // given up: time ran out
  std::uint64_t evicted = 0;  // given up: room ran out, here or with the holder, or does not suffice for so long a one
  std::uint64_t overlapping = 0;  // given up: fragments contradict each other
};

// Used by one thread. Allocates nothing after construction: a fragment costs the same however many are held.
class Fragments {
 public:
  // `holder` outlives it: holds the fragments, and gives room for the datagrams.
  Fragments(const FragmentLimits& limits, source::PacketHolder& holder);
  ~Fragments();  // releases what it holds
  Fragments(const Fragments&) = delete;
  Fragments& operator=(const Fragments&) = delete;

  // Takes a fragment: `decoded` is what decode() made of it, with DecodeStatus::fragment; its IP header lies at
  // decoded.network, under any link header, in any tunnel. `packet` stays the caller's.
  //
  // With the last one missing, the datagram: a packet of LinkType::raw_ip with the headers of the fragment at offset 0
  // less what says that it is one, that the caller releases. Its `ts` is that of `packet`; its lengths, at most 65,535,
  // count from the IP header; tags and tunnel of `decoded` hold for it. It may itself hold a tunnel, and in IPv6 be a
  // fragment.
  [[nodiscard]] std::optional<source::PacketRef> add(const source::PacketRef& packet,
                                                     const parsers::packet::Decoded& decoded) noexcept;

  // Once a burst. Gives up what has waited too long at `now`, as add() does at its packet's time; asks for the holder's
  // pressure, which until the next call lowers FragmentLimits::packets: to a quarter at `low`, to none at `critical`.
  // What is beyond it is given up, the oldest first: nothing is copied.
  void expire(Timestamp now) noexcept;

  [[nodiscard]] const FragmentCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::uint32_t held() const noexcept;  // fragments now

 private:
  struct State;
  FragmentCounters counters_;
  std::unique_ptr<State> state_;
};

}  // namespace iris::worker
