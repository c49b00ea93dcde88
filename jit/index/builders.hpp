// What the builders share: lists under construction, hash tables of the right size, and one builder a kind of table.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jit/index/index.hpp"
#include "jit/index/tables.hpp"

namespace iris::index {

using Ids = std::vector<std::uint32_t>;  // ascending and distinct once `normalise`d

inline void normalise(Ids& ids) {
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
}

class ListBuilder {
 public:
  // Takes `ids` normalised. Returns the list's number.
  std::uint32_t add(const Ids& ids, std::uint32_t next = 0) {
    lists_.push_back({.begin = static_cast<std::uint32_t>(ids_.size()),
                      .count = static_cast<std::uint32_t>(ids.size()),
                      .next = next});
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    return static_cast<std::uint32_t>(lists_.size() - 1);
  }

  // Valid until the next `add`; the builder keeps the memory.
  [[nodiscard]] Lists view() const { return {ids_.data(), lists_.data()}; }

 private:
  Ids ids_;
  std::vector<List> lists_{List{}};
};

// Slots for `keys` keys: a power of two, at least half of them stay empty.
inline std::size_t slots_for(std::size_t keys) { return std::bit_ceil(std::max<std::size_t>(2 * keys, 2)); }

// Where a key of this hash goes: the first empty slot.
template <class Slot>
Slot& free_slot(std::span<Slot> slots, std::uint64_t hash) {
  const std::uint64_t mask = slots.size() - 1;
  while (slots[hash & mask].list != 0) ++hash;
  return slots[hash & mask];
}

// value → the predicates that have it as an operand
template <class Value>
std::map<Value, Ids> by_operand(std::span<const Entry> entries) {
  std::map<Value, Ids> ids;
  for (const Entry& entry : entries) {
    for (const filter::Operand& operand : entry.predicate->operands) ids[std::get<Value>(operand)].push_back(entry.id);
  }
  for (auto& [value, list] : ids) normalise(list);
  return ids;
}

using Built = Result<std::unique_ptr<const Index>>;

// All operands have the type that the operator takes for the field's type.
[[nodiscard]] Built build_number_set(std::span<const Entry> entries);
[[nodiscard]] Built build_number_ranges(std::span<const Entry> entries);
[[nodiscard]] Built build_address_set(std::span<const Entry> entries);
[[nodiscard]] Built build_subnets(std::span<const Entry> entries);
[[nodiscard]] Built build_text_set(std::span<const Entry> entries);
[[nodiscard]] Built build_presence(std::span<const Entry> entries);
[[nodiscard]] Built build_text_scan(std::span<const Entry> entries, std::uint32_t workers);

}  // namespace iris::index
