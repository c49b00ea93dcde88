#include "daemon/conn/realms.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace iris::conn {

Result<Realms> Realms::create(Parts parts) {
  if (!parts.vlans && !parts.tunnels) return Realms(parts, {});
  auto memory = Mapping::create(std::size_t{places} * sizeof(Realm), false);
  if (!memory) return std::unexpected(std::move(memory.error()));
  return Realms(parts, std::move(*memory));
}

std::uint16_t Realms::number_of(const parsers::packet::Decoded& decoded) noexcept {
  Realm wanted;
  if (parts_.vlans) {
    const auto ids = decoded.vlan_ids();
    std::ranges::copy(ids, wanted.vlans.begin());
    wanted.vlan_count = static_cast<std::uint8_t>(ids.size());
  }
  if (parts_.tunnels) {
    wanted.tunnel = decoded.tunnel;
    wanted.depth = decoded.depth;
  }
  constexpr Realm nowhere;
  if (std::memcmp(&wanted, &nowhere, sizeof wanted) == 0) return 0;
  auto* realms = static_cast<Realm*>(memory_.data());
  for (std::uint64_t at = XXH3_64bits(&wanted, sizeof wanted);; ++at) {
    Realm& place = realms[at % places];
    if (place.number == 0) {
      if (count_ == most) return crowded;
      place = wanted;
      place.number = ++count_;
      return place.number;
    }
    wanted.number = place.number;
    if (std::memcmp(&place, &wanted, sizeof wanted) == 0) return place.number;
    wanted.number = 0;
  }
}

}  // namespace iris::conn
