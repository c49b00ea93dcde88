// What a worker's connections may cost, and when they end. The configuration's "connections" and "reassembly", in the
// engine's units.
#pragma once

#include <cstdint>

#include <iris/time.hpp>

namespace iris::conn {

// Of bytes that a segment repeats with another content than was seen before.
enum class Overlap : std::uint8_t {
  first,  // what arrived first counts
  last,   // what arrived last counts, as long as it was not handed on
};

enum class Midstream : std::uint8_t {
  track,   // a TCP connection whose opening was not seen begins with its first packet, and is marked
  ignore,  // its packets are counted and belong to no connection, until a SYN
};

// Of the streams of one worker.
struct ReassemblyLimits {
  // Of one connection, both directions: beyond it the earliest missing bytes are declared a gap.
  std::uint32_t packets = 100;
  std::uint32_t bytes = 1U << 20;
  Duration gap_after{5'000'000'000};       // the longest that held segments wait for missing ones; capture time
  std::uint32_t held_packets = 4096;       // of all connections, held as packets of the source
  std::uint32_t copied_bytes = 16U << 20;  // of all connections: beyond held_packets, or under pressure, copies
  Overlap overlap = Overlap::first;
};

struct Limits {
  std::uint32_t capacity = 1U << 20;  // connections at a time
  Duration tcp_inactivity{300'000'000'000};
  Duration tcp_establish{5'000'000'000};  // a SYN that nothing follows
  Duration tcp_linger{5'000'000'000};     // after its end a connection's late packets still belong to it
  Duration udp_inactivity{60'000'000'000};
  Midstream midstream = Midstream::track;
  bool vlan_in_key = false;                 // equal five-tuples on different VLANs are different connections
  bool tunnel_in_key = false;               // likewise in different tunnels (VNI, TEID, GRE key)
  std::uint32_t parser_bytes = 256U << 10;  // of one connection's parser
  std::uint64_t parsers_bytes = std::uint64_t{1} << 30;  // of all
  std::uint64_t state_bytes = std::uint64_t{1} << 30;    // of all objects of user code, and long lists
  bool prefault = false;  // take all memory at the start, on the worker's NUMA node, rather than when first used
  ReassemblyLimits reassembly{};
};

}  // namespace iris::conn
