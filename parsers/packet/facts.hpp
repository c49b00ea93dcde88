// What filters of the event Packet are decided on.
#pragma once

#include <cstdint>
#include <optional>

#include <iris/net.hpp>

namespace iris::parsers::packet {

// Of one packet; parsers::Level::tuple's fields are offsets into it. It begins with a FiveTuple, so that addresses and
// ports lie where a connection has them: the sender is the originator. Whatever is not known is zero, the IP version of
// what is not IP too.
struct PacketFacts {
  FiveTuple tuple;
  std::optional<std::uint8_t> icmp_type;  // ICMP and ICMPv6; absent in later fragments
  std::optional<std::uint8_t> icmp_code;
};

}  // namespace iris::parsers::packet
