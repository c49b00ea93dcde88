// What a user-defined predicate answers.
#pragma once

#include <cstdint>

namespace iris {

// `Continue` means "ask again at the next event"; what is still undecided when the connection ends is dropped.
enum class FilterResult : std::uint8_t { Accept, Drop, Continue };

}  // namespace iris
