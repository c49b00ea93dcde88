#include "parsers/quic/version.hpp"

#include <algorithm>

namespace iris::parsers::quic {
namespace {

using Salt = std::array<std::uint8_t, 20>;

constexpr Salt salt_v1{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                       0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr Salt salt_v2{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                       0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
constexpr Salt salt_29{0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                       0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
constexpr Salt salt_23{0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                       0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};

constexpr Version versions[] = {
    {"1", &salt_v1, 0x00000001},        {"2", &salt_v2, 0x6b3343cf, true},  {"draft-27", &salt_23, 0xff00001b},
    {"draft-28", &salt_23, 0xff00001c}, {"draft-29", &salt_29, 0xff00001d}, {"draft-30", &salt_29, 0xff00001e},
    {"draft-31", &salt_29, 0xff00001f}, {"draft-32", &salt_29, 0xff000020}, {"draft-33", &salt_v1, 0xff000021},
    {"draft-34", &salt_v1, 0xff000022}, {"mvfst-22", &salt_23, 0xfaceb001}, {"mvfst-27", &salt_23, 0xfaceb002},
    {"Q043", nullptr, 0x51303433},      {"Q044", nullptr, 0x51303434},      {"Q046", nullptr, 0x51303436},
    {"Q050", nullptr, 0x51303530},      {"T050", nullptr, 0x54303530},      {"T051", nullptr, 0x54303531},
};

}  // namespace

const Version* find_version(std::uint32_t number) noexcept {
  const auto* found = std::ranges::find(versions, number, &Version::number);
  return found == std::end(versions) ? nullptr : found;
}

std::span<const Version> versions_behind_grease() noexcept {
  static constexpr Version list[] = {
      {"1", &salt_v1, 0x00000001}, {"draft-29", &salt_29, 0xff00001d}, {"draft-28", &salt_23, 0xff00001c}};
  return list;
}

// RFC 9000, 17.2; RFC 9369, 3.2.
PacketType packet_type(const Version& version, std::uint8_t first_byte) noexcept {
  const unsigned bits = first_byte >> 4U & 3U;
  return static_cast<PacketType>(version.is_v2 ? (bits + 3U) & 3U : bits);
}

}  // namespace iris::parsers::quic
