// Where equal five-tuples are different connections: VLANs and tunnels, as numbers that fit into a key.
#pragma once

#include <array>
#include <cstdint>

#include "daemon/conn/mapping.hpp"
#include "jit/abi/result.hpp"
#include "parsers/packet/decode.hpp"

namespace iris::conn {

// Numbers VLAN stacks and tunnel identifiers as they are first seen. Used by one thread; allocates nothing after its
// creation.
class Realms {
 public:
  struct Parts {
    bool vlans = false;    // tell VLANs apart (the four outermost tags)
    bool tunnels = false;  // tell tunnels apart (the innermost identifier)
  };
  // What has no number of its own because there are too many shares this one.
  static constexpr std::uint16_t crowded = 0xffff;

  [[nodiscard]] static Result<Realms> create(Parts parts);

  // 0: neither VLAN nor tunnel, or they are not to be told apart.
  [[nodiscard]] std::uint16_t of(const parsers::packet::Decoded& decoded) noexcept {
    return parts_.vlans || parts_.tunnels ? number_of(decoded) : std::uint16_t{0};
  }

 private:
  struct Realm {
    std::array<std::uint16_t, parsers::packet::Decoded::kept_vlans> vlans{};
    std::uint32_t tunnel = 0;
    std::uint8_t vlan_count = 0;
    std::uint8_t depth = 0;
    std::uint16_t number = 0;  // 0: an empty place
  };
  static_assert(sizeof(Realm) == 16);
  static constexpr std::uint32_t places = 1U << 16;
  static constexpr std::uint16_t most = places / 2;

  Realms(Parts parts, Mapping memory) : parts_(parts), memory_(std::move(memory)) {}
  [[nodiscard]] std::uint16_t number_of(const parsers::packet::Decoded& decoded) noexcept;

  Parts parts_;
  Mapping memory_;
  std::uint16_t count_ = 0;
};

}  // namespace iris::conn
