// An IP header read from bytes: of a captured packet, of one that an ICMP error quotes, of one that an author found.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <iris/net.hpp>

namespace iris {

// Whether a transport's header begins with two port numbers: TCP, UDP, DCCP, SCTP, UDP-Lite.
[[nodiscard]] constexpr bool has_ports(Transport transport) {
  constexpr unsigned dccp = 33, udp_lite = 136;
  const auto number = static_cast<unsigned>(transport);
  return transport == Transport::Tcp || transport == Transport::Udp || transport == Transport::Sctp || number == dccp ||
         number == udp_lite;
}

// IPv4 (RFC 791, 3.1), or IPv6 with its extension headers (RFC 8200, 3 and 4).
struct IpHeader {
  IpVersion version = IpVersion::V4;
  Transport transport{};  // of what follows all these headers; in a fragment, as the fragment names it
  IpAddress src;
  IpAddress dst;
  std::uint32_t length = 0;           // options, extension headers and authentication headers included
  std::uint16_t fragment_offset = 0;  // of what follows in its datagram, in bytes
  bool more_fragments = false;

  [[nodiscard]] constexpr bool is_fragment() const { return more_fragments || fragment_offset != 0; }
};

namespace detail {

constexpr std::uint16_t big_endian_16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

template <std::size_t count>
constexpr std::array<std::uint8_t, count> address_bytes(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::array<std::uint8_t, count> address{};
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, address.begin());
  return address;
}

// Headers that say what follows them, by number; all but 51 are IPv6's only (IANA's "IPv6 extension header types").
constexpr bool is_extension(std::uint8_t number, IpVersion version) {
  if (number == 51) return true;  // authentication header (RFC 4302)
  constexpr std::array<std::uint8_t, 7> numbers{0, 43, 44, 60, 135, 139, 140};
  return version == IpVersion::V6 && std::ranges::find(numbers, number) != numbers.end();
}

// Walks from the header that is `header.length` bytes long over what extends it. False where one is not there in full.
constexpr bool walk_extensions(std::span<const std::uint8_t> bytes, std::uint8_t number, IpHeader& header) {
  constexpr unsigned at_most = 16;
  constexpr std::uint8_t fragment = 44, authentication = 51;
  for (unsigned i = 0; is_extension(number, header.version) && !header.is_fragment(); ++i) {
    if (i == at_most || header.length + 8 > bytes.size()) return false;
    const auto extension = bytes.subspan(header.length);
    if (number == fragment) {
      const std::uint16_t place = big_endian_16(extension, 2);
      header.more_fragments = (place & 1U) != 0;
      header.fragment_offset = place & 0xfff8U;
      header.length += 8;
    } else {
      header.length += number == authentication ? (extension[1] + 2U) * 4 : (extension[1] + 1U) * 8;
    }
    if (header.length > bytes.size()) return false;
    number = extension[0];
  }
  header.transport = static_cast<Transport>(number);
  return true;
}

constexpr std::optional<IpHeader> read_ipv4_header(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 20) return std::nullopt;
  IpHeader header;
  header.length = (bytes[0] & 0x0fU) * 4;
  if (header.length < 20 || header.length > bytes.size()) return std::nullopt;
  const std::uint16_t place = big_endian_16(bytes, 6);
  header.more_fragments = (place & 0x2000U) != 0;
  header.fragment_offset = static_cast<std::uint16_t>((place & 0x1fffU) * 8);
  header.src = IpAddress::v4(address_bytes<4>(bytes, 12));
  header.dst = IpAddress::v4(address_bytes<4>(bytes, 16));
  return walk_extensions(bytes, bytes[9], header) ? std::optional(header) : std::nullopt;
}

constexpr std::optional<IpHeader> read_ipv6_header(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < 40) return std::nullopt;
  IpHeader header;
  header.version = IpVersion::V6;
  header.length = 40;
  header.src = IpAddress::v6(address_bytes<16>(bytes, 8));
  header.dst = IpAddress::v6(address_bytes<16>(bytes, 24));
  return walk_extensions(bytes, bytes[6], header) ? std::optional(header) : std::nullopt;
}

}  // namespace detail

// nullopt where `bytes` do not begin with an IP header that is there in full.
[[nodiscard]] constexpr std::optional<IpHeader> read_ip_header(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return std::nullopt;
  const unsigned version = bytes[0] >> 4U;
  if (version == 4) return detail::read_ipv4_header(bytes);
  return version == 6 ? detail::read_ipv6_header(bytes) : std::nullopt;
}

}  // namespace iris
