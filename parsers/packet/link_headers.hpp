// Everything before the IP header. Internal to parsers/packet.
#pragma once

#include "parsers/packet/extent.hpp"

namespace iris::parsers::packet {

// Decodes a frame whose link header begins at `offset`. VLANs are added to those that `decoded` has.
[[nodiscard]] DecodeStatus decode_link(Extent packet, LinkType link, std::size_t offset, Decoded& decoded) noexcept;

}  // namespace iris::parsers::packet
