// Copies an emitted struct out of user memory. Runs on the packet path inside iris::emit: bounded, and without
// allocation.
//
// The flat form follows the layout, which is not repeated in it, in the host's byte order:
//   scalars, addresses, times      as in memory
//   text                           u32 length, bytes
//   structure                      its members in order
//   optional                       one byte, 0 or 1; if 1, the element
//   array                          its elements
//   span, vector                   u32 count, elements
//   structures and arrays without content take one byte, so that every value takes at least one and the size limit
//   also limits the time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "jit/abi/row.hpp"

namespace iris::output {

// The largest event in its flat form. Larger ones are dropped, and counted.
inline constexpr std::size_t max_event_bytes = std::size_t{64} * 1024;

// Lists whose elements can be copied as one block, and of which one-byte unsigned ones are printed as one byte string.
[[nodiscard]] constexpr bool is_plain(const abi::Value& value) {
  return value.kind == abi::ValueKind::unsigned_integer || value.kind == abi::ValueKind::signed_integer ||
         value.kind == abi::ValueKind::floating || value.kind == abi::ValueKind::character;
}

// Writes the object of type `layout` at `object` to the front of `out`; returns how many bytes it took, or nullopt
// when it does not fit or cannot be true (a vector whose end lies before its begin, a null pointer to ten bytes).
// `layout` has passed check_layout.
[[nodiscard]] std::optional<std::size_t> encode(const abi::Value& layout, const void* object,
                                                std::span<std::byte> out) noexcept;

}  // namespace iris::output
