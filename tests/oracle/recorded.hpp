// What real servers and clients said: conversations of the recordings in tests/data.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace iris::oracle {

// Frames in the order in which they were captured: of one pair of ends, which no other conversation has; at least one
// and not very many, all of them TCP or UDP and whole; of TCP from a SYN on.
using Recorded = std::vector<std::vector<std::uint8_t>>;

// Read once. Throws std::runtime_error where there are none. The order is always the same.
[[nodiscard]] std::span<const Recorded> recorded_conversations();

}  // namespace iris::oracle
