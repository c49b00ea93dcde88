// What an index is to generated code: tables that values are looked up in. The builders of this folder own the
// memory; a version of a table never changes, so any number of workers read it at the same time.
//
// A look-up reports everything that holds for a value: of nested prefixes and ranges, all that cover it. It costs one
// probe for each length of prefix, suffix or block that occurs among the operands, however many operands there are; of
// few blocks, a comparison with each instead.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <iris/net.hpp>

#include "jit/abi/dispatch.hpp"

namespace iris::index {

// Numbers of the predicates that an operand belongs to. Mostly there is one.
struct Ids {
  std::uint32_t count = 0;
  std::uint32_t only = 0;                               // count 1
  std::shared_ptr<std::vector<std::uint32_t>> several;  // more; ascending and distinct
};

// ---- hash tables in shards (jit/index/sharded.hpp)

// Open-addressed with linear probing, at most three quarters full, of a power of two slots.
template <class Slot>
struct Shard {
  std::shared_ptr<Slot[]> slots;  // nullptr: it has never had an entry
  std::uint32_t mask = 0;         // slots - 1
  std::uint32_t used = 0;
};
template <class Slot>
struct Shards {
  const Shard<Slot>* shards = nullptr;
  std::uint64_t mask = 0;  // shards - 1
};

// The functions that hash have no secret: keys come from subscriptions, traffic only asks.
template <class Slot, class Same>
const Slot* find(const Shards<Slot>& table, std::uint64_t hash, Same same) noexcept {
  const Shard<Slot>& shard = table.shards[hash & table.mask];
  if (shard.used == 0) return nullptr;
  for (std::uint64_t at = hash >> 32U;; ++at) {
    const Slot& slot = shard.slots.get()[at & shard.mask];
    if (slot.empty()) return nullptr;
    if (same(slot)) return &slot;
  }
}

// ---- numbers and addresses: blocks of a power of two

// Numbers are `high` alone. Addresses are two big-endian words, IPv4 ones in the mapped form; levels of their own keep
// a block of one version from ever covering an address of the other.
struct BlockSlot {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint32_t level = 0;
  Ids ids;

  [[nodiscard]] bool empty() const noexcept { return ids.count == 0; }
  [[nodiscard]] std::uint64_t hash() const noexcept;
};
struct BlockLevel {
  std::uint64_t keep_high = ~0ULL;  // what all of a block has in common
  std::uint64_t keep_low = ~0ULL;
  std::uint32_t level = 0;  // distinguishes levels
};
// One of few blocks, which are compared with one after the other.
struct FewBlock {
  std::uint64_t keep_high = ~0ULL;  // as its BlockLevel's
  std::uint64_t high = 0;
  std::uint64_t keep_low = ~0ULL;
  std::uint64_t low = 0;
  const Ids* ids = nullptr;
};
struct Blocks {
  const FewBlock* few = nullptr;  // those of IPv4 addresses first; nullptr: there are more, in `slots`
  std::uint32_t v4_few = 0;
  std::uint32_t all_few = 0;
  Shards<BlockSlot> slots;
  const BlockLevel* levels = nullptr;  // those of IPv4 addresses first
  std::uint32_t v4_levels = 0;
  std::uint32_t all_levels = 0;
};

// ---- texts: as they are, or by an affix

struct TextSlot {
  std::uint64_t hashed = 0;
  std::shared_ptr<const char> text;
  std::uint32_t size = 0;
  Ids ids;

  [[nodiscard]] bool empty() const noexcept { return ids.count == 0; }
  [[nodiscard]] std::uint64_t hash() const noexcept { return hashed; }
};
struct Texts {
  Shards<TextSlot> slots;
};

enum class Affix : std::uint8_t {
  prefix,
  suffix,
  labels,  // a suffix that is all, or stands behind a dot
};
// One length that operands have. Of a text's affix of that length, the innermost byte tells most cases apart without
// hashing.
struct AffixLength {
  std::uint32_t length = 0;
  std::uint64_t innermost[4] = {0, 0, 0, 0};  // bit per byte that operands have there; length 0: none
};
struct Affixes {
  Shards<TextSlot> slots;
  const AffixLength* lengths = nullptr;  // ascending
  std::uint32_t count = 0;
  Affix kind = Affix::prefix;
};

// text contains, text matches: Hyperscan databases with scratch memory for every worker.
struct TextScan;

// Of lists, what is true of every element: another table, asked for each.
struct Every;

// any type, present
struct Presence {
  Ids ids;
};

// Where one family's look-up reports to. For "either end" fields the look-ups of both values share one answer; what
// the first found, `seen` numbers from `first` on, ascending, is not reported again.
struct Answer {
  abi::Matches* matches = nullptr;
  std::uint32_t worker = 0;
  std::uint32_t first = 0;
  std::uint32_t seen = 0;
};

}  // namespace iris::index

// The host's part of look-ups.
extern "C" {
void iris_index_number(const iris::index::Blocks* table, std::uint64_t value,
                       const iris::index::Answer* answer) noexcept;
void iris_index_address(const iris::index::Blocks* table, const iris::IpAddress* address,
                        const iris::index::Answer* answer) noexcept;
void iris_index_text(const iris::index::Texts* table, const std::string_view* text,
                     const iris::index::Answer* answer) noexcept;
void iris_index_affixes(const iris::index::Affixes* table, const std::string_view* text,
                        const iris::index::Answer* answer) noexcept;
void iris_index_scan(const iris::index::TextScan* table, const std::string_view* text,
                     const iris::index::Answer* answer) noexcept;
// `list`: a std::span of what the field's list is of.
void iris_index_every(const iris::index::Every* table, const void* list, const iris::index::Answer* answer) noexcept;
void iris_index_sort(std::uint32_t* ids, std::uint32_t count) noexcept;
// Puts them in order, each once.
void iris_index_finish(iris::abi::Matches* matches) noexcept;
void iris_index_spend(iris::abi::LookupClock* clock, std::uint32_t family) noexcept;
}
