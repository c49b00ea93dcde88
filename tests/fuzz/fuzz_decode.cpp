// Any frame of any link type, cut anywhere by the capture, and whatever is found inside it. Input: two bytes of how
// much longer the frame was on the wire, one of its link type, the frame.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "parsers/packet/tunnel.hpp"
#include "tests/fuzz/check.hpp"

namespace {

using namespace iris::parsers::packet;

constexpr std::array link_types{LinkType::ethernet,      LinkType::raw_ip, LinkType::linux_sll, LinkType::linux_sll2,
                                LinkType::null_loopback, LinkType::ppp,    LinkType::pppoe,     LinkType::mpls};

// Where a payload ends: of what is captured, and on the wire.
struct Ends {
  std::size_t captured = 0;
  std::size_t wire = 0;
};

// Holds for every packet that lies within `bounds`.
void check(DecodeStatus status, const Decoded& decoded, const Ends& bounds) {
  const bool cut = bounds.wire > bounds.captured;
  if (!cut) IRIS_FUZZ_CHECK(status != DecodeStatus::truncated);
  if (status != DecodeStatus::ok && status != DecodeStatus::fragment && status != DecodeStatus::other_transport) return;
  IRIS_FUZZ_CHECK(decoded.network + std::size_t{20} <= decoded.payload_offset || decoded.missing() > 0);
  IRIS_FUZZ_CHECK(decoded.network + std::size_t{20} <= bounds.captured);
  IRIS_FUZZ_CHECK(decoded.payload_length <= decoded.wire_payload_length);
  IRIS_FUZZ_CHECK(decoded.missing() <= bounds.wire - bounds.captured);
  IRIS_FUZZ_CHECK(decoded.payload_offset + std::size_t{decoded.payload_length} <= bounds.captured);
  IRIS_FUZZ_CHECK(decoded.payload_offset + std::size_t{decoded.wire_payload_length} <= bounds.wire);
  if (status == DecodeStatus::ok) {
    IRIS_FUZZ_CHECK(decoded.transport == iris::Transport::Tcp || decoded.transport == iris::Transport::Udp);
  }
}

Ends ends_of(const Decoded& decoded) {
  return {decoded.payload_offset + std::size_t{decoded.payload_length},
          decoded.payload_offset + std::size_t{decoded.wire_payload_length}};
}

// The outer payload's end is the end of the block, so that AddressSanitizer sees reads beyond it.
DecodeStatus decode_inner_exactly(const Frame& frame, const Inner& inner, const Decoded& outer, Decoded& decoded) {
  const std::size_t length = ends_of(outer).captured;
  const auto copy = std::make_unique<std::uint8_t[]>(length);
  std::memcpy(copy.get(), frame.bytes.data(), length);
  return decode_inner({{copy.get(), length}, frame.wire_length, frame.link}, inner, outer, decoded);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t prefix = 3;
  if (size < prefix) return 0;
  const std::size_t cut = std::size_t{data[0]} << 8U | data[1];
  const Frame frame{
      {data + prefix, size - prefix}, size - prefix + cut, link_types[std::size_t{data[2]} % link_types.size()]};
  Tunnels tunnels;
  tunnels.depth = 8;
  Ends bounds{frame.bytes.size(), frame.wire_length};
  Decoded decoded;
  DecodeStatus status = decode(frame, decoded);
  check(status, decoded, bounds);
  for (unsigned depth = 1; status == DecodeStatus::ok || status == DecodeStatus::other_transport; ++depth) {
    IRIS_FUZZ_CHECK(decoded.payload(frame.bytes).size() == decoded.payload_length);
    bounds = ends_of(decoded);
    const auto inner = find_inner(frame, decoded, tunnels);
    if (!inner) break;
    IRIS_FUZZ_CHECK(depth <= tunnels.depth);
    IRIS_FUZZ_CHECK(inner->offset >= decoded.payload_offset && inner->offset < bounds.captured);
    Decoded within;
    status = decode_inner_exactly(frame, *inner, decoded, within);
    check(status, within, bounds);
    IRIS_FUZZ_CHECK(within.depth == depth && within.tunnel == inner->tunnel);
    IRIS_FUZZ_CHECK(within.vlan_count >= decoded.vlan_count);
    decoded = within;
  }
  return 0;
}
