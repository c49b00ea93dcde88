// What an index is to generated code: plain tables that jit/runtime looks values up in. The builders of this folder own
// the memory; nothing here changes once it is built, so any number of workers read it at the same time.
//
// A look-up finds at most one list of predicate numbers; what holds besides, because it covers more (a shorter prefix,
// a wider range), is chained to it. So n nested prefixes or ranges take O(n log n) memory at most, and a look-up
// costs the search and one step a list that has something to say.
#pragma once

#include <cstdint>
#include <string_view>

#include "jit/abi/dispatch.hpp"

namespace iris::index {

// Predicate numbers, ascending; then those of list `next`. Within a chain every number occurs once. List 0 is empty
// and ends every chain.
struct List {
  std::uint32_t begin = 0;  // in Lists::ids
  std::uint32_t count = 0;
  std::uint32_t next = 0;
};

struct Lists {
  const std::uint32_t* ids = nullptr;
  const List* lists = nullptr;
};

// Hash tables are open-addressed with linear probing, at most half full, of a power of two slots; a slot whose list is
// 0 is empty. The hash functions have no secret: keys come from subscriptions, traffic only asks.

// number one_of
struct NumberSlot {
  std::uint64_t key = 0;
  std::uint32_t list = 0;
};
struct NumberSet {
  const NumberSlot* slots = nullptr;
  std::uint64_t mask = 0;  // slots - 1
  Lists lists;
};

// number in_range: interval i holds first[i] … first[i + 1] - 1, the last one everything from its first. first[0] is 0.
struct NumberRanges {
  const std::uint64_t* first = nullptr;
  const std::uint32_t* list = nullptr;  // one an interval
  std::uint32_t count = 0;              // at least 1
  Lists lists;
};

// address one_of, address in_subnet: one hash table a prefix length. Addresses are two big-endian words; IPv4 ones in
// the mapped form, in levels of their own, so that a prefix of one version never covers an address of the other.
struct PrefixSlot {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint32_t list = 0;
};
struct PrefixLevel {
  std::uint64_t keep_high = 0;  // the network part
  std::uint64_t keep_low = 0;
  const PrefixSlot* slots = nullptr;
  std::uint64_t mask = 0;  // slots - 1
};
struct PrefixLevels {
  const PrefixLevel* levels = nullptr;  // longest first
  std::uint32_t count = 0;
};
struct Prefixes {
  PrefixLevels v4;
  PrefixLevels v6;
  Lists lists;
};

// text one_of
struct TextSlot {
  std::uint64_t hash = 0;
  const char* data = nullptr;
  std::uint32_t size = 0;
  std::uint32_t list = 0;
};
struct TextSet {
  const TextSlot* slots = nullptr;
  std::uint64_t mask = 0;  // slots - 1
  Lists lists;
};

// any type, present: list 1
struct Presence {
  Lists lists;
};

// text contains, text matches: a Hyperscan database with scratch memory for every worker.
struct TextScan;

// Where one family's look-up reports to. For "either end" fields the look-ups of both values share one answer; what
// the first found, `seen` numbers from `first` on, ascending, is not reported again.
struct Answer {
  abi::Matches* matches = nullptr;
  std::uint32_t worker = 0;
  std::uint32_t first = 0;
  std::uint32_t seen = 0;
};

}  // namespace iris::index

// The host's part of look-ups: what is too big to be inlined.
extern "C" {
void iris_index_scan(const iris::index::TextScan* table, const std::string_view* text,
                     const iris::index::Answer* answer) noexcept;
void iris_index_sort(std::uint32_t* ids, std::uint32_t count) noexcept;
}
