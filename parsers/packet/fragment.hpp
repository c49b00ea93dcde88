// Fragments of IP datagrams: where each belongs (RFC 791, 3.2; RFC 8200, 4.5), and the header of the datagram they
// make.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "parsers/packet/decode.hpp"

namespace iris::parsers::packet {

// The longest datagram, headers and all: what a 16-bit length states. An IPv6 header is not part of the length that it
// states, but is counted here.
inline constexpr std::size_t longest_datagram = 65535;
inline constexpr std::size_t fragment_unit = 8;  // bytes; offsets count in them

// Lengths are those that the IP header states: a frame's padding does not count.
struct Fragment {
  std::uint32_t id = 0;
  std::uint32_t header = 0;    // bytes of the headers that are repeated in every fragment: with options or extensions,
                               // without IPv6's fragment header
  std::uint32_t begin = 0;     // of the fragment's own bytes, from the beginning of the frame
  std::uint32_t length = 0;    // of how many, at least 1; where others follow a multiple of fragment_unit
  std::uint32_t captured = 0;  // of `length`, from the front
  std::uint32_t offset = 0;    // bytes of the datagram before them; a multiple of fragment_unit
  std::uint32_t next_at = 0;   // IPv6: the header's byte that says what follows it
  std::uint8_t protocol = 0;   // IP protocol number of what follows the header
  bool more = false;           // others follow

  [[nodiscard]] std::uint32_t end() const noexcept { return offset + length; }
};

// Reads the fragment whose IP header lies `network` bytes into the frame, where decode() found one. Nullopt for what no
// datagram can have: no bytes; a length that is not a multiple of fragment_unit though others follow; an end beyond
// longest_datagram; more bytes stated than the frame had on the wire, or none stated (length 0: segmentation offload
// and jumbograms are not fragmented). Also for what is no fragment, and where the capture lacks some of its headers.
[[nodiscard]] std::optional<Fragment> read_fragment(const Frame& frame, std::size_t network,
                                                    IpVersion version) noexcept;

// Makes the header of a first fragment that of its datagram: `header` has a copy of its first.header bytes, `length`
// is that of the datagram after them. IPv4's checksum is computed anew; "don't fragment" and the identification stay.
void make_whole(std::span<std::uint8_t> header, const Fragment& first, std::size_t length) noexcept;

}  // namespace iris::parsers::packet
