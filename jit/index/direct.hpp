// One predicate evaluated by itself, without an index: for what is asked so seldom that an index would cost more, and
// for what changes.
#pragma once

#include <cstdint>
#include <optional>

#include "jit/filter/filter.hpp"

namespace iris::index {

// The addresses that an address or a Subnet stands for: those of its version whose kept bits are its own, as words() of
// both.
struct AddressBlock {
  bool v4 = false;
  std::uint64_t keep_high = 0;
  std::uint64_t high = 0;
  std::uint64_t keep_low = 0;
  std::uint64_t low = 0;
};
[[nodiscard]] AddressBlock address_block(const filter::Operand& operand) noexcept;

// Of a predicate at parsers::Level::tuple, on what that level's offsets are relative to. Fields that are computed, and
// regular expressions, are not served: is_direct says of which predicates it may be asked.
[[nodiscard]] bool is_direct(const filter::Predicate& predicate) noexcept;
[[nodiscard]] bool holds(const filter::Predicate& predicate, const void* subject) noexcept;

// Of a predicate at parsers::Level::stream, on an iris::ConnRecord as it is now: as filter::decided.
[[nodiscard]] std::optional<bool> decided(const filter::Predicate& predicate, const void* record, bool over) noexcept;

}  // namespace iris::index
