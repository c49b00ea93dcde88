// Looking a value up in an index. The same functions are compiled into the daemon, whose builders and tests use them,
// and, as bitcode, inlined into every dispatch.
//
// Hashing multiplies to 128 bits and folds the halves together (as wyhash does): two instructions, all input bits
// reach all output bits, and the same on every machine of one byte order.
#pragma once

#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <iris/net.hpp>

#include "jit/index/tables.hpp"

namespace iris::index {

// ---- hashing --------------------------------------------------------------------------------------------------

// The fractional digits of pi: odd, no pattern.
inline constexpr std::uint64_t hash_start = 0x243f6a8885a308d3U;
inline constexpr std::uint64_t hash_factor = 0x13198a2e03707345U;

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ typedef unsigned __int128 Wide;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

inline std::uint64_t hash_number(std::uint64_t value) noexcept { return fold(value ^ hash_start, hash_factor); }

inline std::uint64_t hash_address(std::uint64_t high, std::uint64_t low) noexcept {
  return fold(hash_number(high) ^ low, hash_factor);
}

template <class Word>
Word load(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

inline std::uint64_t hash_text(std::string_view text) noexcept {
  const char* data = text.data();
  std::size_t size = text.size();
  std::uint64_t hash = hash_start ^ size;
  for (; size > 8; size -= 8, data += 8) hash = fold(hash ^ load<std::uint64_t>(data), hash_factor);
  std::uint64_t rest = 0;  // the last 0 to 8 bytes, without reading beyond them
  if (size >= 4) {
    rest = load<std::uint32_t>(data) | static_cast<std::uint64_t>(load<std::uint32_t>(data + size - 4)) << 32U;
  } else if (size > 0) {
    rest = static_cast<std::uint64_t>(static_cast<unsigned char>(data[0])) |
           static_cast<std::uint64_t>(static_cast<unsigned char>(data[size / 2])) << 8U |
           static_cast<std::uint64_t>(static_cast<unsigned char>(data[size - 1])) << 16U;
  }
  return fold(hash ^ rest, hash_factor);
}

// ---- answers --------------------------------------------------------------------------------------------------

// Ascending. Answers are short as a rule.
inline void sort(std::uint32_t* ids, std::uint32_t count) noexcept {
  if (count > 16) return iris_index_sort(ids, count);
  for (std::uint32_t i = 1; i < count; ++i) {
    const std::uint32_t id = ids[i];
    std::uint32_t at = i;
    for (; at > 0 && ids[at - 1] > id; --at) ids[at] = ids[at - 1];
    ids[at] = id;
  }
}

inline Answer begin(abi::Matches& matches, std::uint32_t worker) noexcept {
  return {.matches = &matches, .worker = worker, .first = matches.count, .seen = 0};
}

// Before the second value of an "either end" field is looked up.
inline void again(Answer& answer) noexcept {
  answer.seen = answer.matches->count - answer.first;
  sort(answer.matches->ids + answer.first, answer.seen);
}

inline bool was_seen(const Answer& answer, std::uint32_t id) noexcept {
  const std::uint32_t* base = answer.matches->ids + answer.first;
  for (std::uint32_t size = answer.seen; size > 0;) {
    const std::uint32_t half = size / 2;
    if (base[half] == id) return true;
    if (base[half] < id) {
      base += half + 1;
      size -= half + 1;
    } else {
      size = half;
    }
  }
  return false;
}

inline void append(const Answer& answer, std::uint32_t id) noexcept {
  if (was_seen(answer, id)) return;
  assert(answer.matches->count < answer.matches->capacity);
  answer.matches->ids[answer.matches->count++] = id;
}

inline void append(const Answer& answer, const Lists& lists, std::uint32_t list) noexcept {
  while (list != 0) {
    const List& found = lists.lists[list];
    for (std::uint32_t i = 0; i < found.count; ++i) append(answer, lists.ids[found.begin + i]);
    list = found.next;
  }
}

// After the last family of a level.
inline void finish(abi::Matches& matches) noexcept {
  sort(matches.ids, matches.count);
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < matches.count; ++i) {
    if (kept == 0 || matches.ids[kept - 1] != matches.ids[i]) matches.ids[kept++] = matches.ids[i];
  }
  matches.count = kept;
}

// ---- look-ups -------------------------------------------------------------------------------------------------

inline void lookup(const Presence& table, const Answer& answer) noexcept { append(answer, table.lists, 1); }

inline void lookup(const NumberSet& table, std::uint64_t value, const Answer& answer) noexcept {
  for (std::uint64_t at = hash_number(value);; ++at) {
    const NumberSlot& slot = table.slots[at & table.mask];
    if (slot.list == 0) return;
    if (slot.key == value) return append(answer, table.lists, slot.list);
  }
}

inline void lookup(const NumberRanges& table, std::uint64_t value, const Answer& answer) noexcept {
  const std::uint64_t* base = table.first;  // the last interval that begins at or before `value` is at or after it
  for (std::uint32_t size = table.count; size > 1;) {
    const std::uint32_t half = size / 2;
    base += base[half] <= value ? half : 0;
    size -= half;
  }
  append(answer, table.lists, table.list[base - table.first]);
}

struct AddressWords {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

inline AddressWords words(const IpAddress& address) noexcept {
  const auto* bytes = reinterpret_cast<const char*>(address.bytes.data());
  AddressWords result{load<std::uint64_t>(bytes), load<std::uint64_t>(bytes + 8)};
  if constexpr (std::endian::native == std::endian::little) {
    result = {__builtin_bswap64(result.high), __builtin_bswap64(result.low)};
  }
  return result;
}

inline std::uint32_t find(const PrefixLevel& level, const AddressWords& address) noexcept {
  const std::uint64_t high = address.high & level.keep_high;
  const std::uint64_t low = address.low & level.keep_low;
  for (std::uint64_t at = hash_address(high, low);; ++at) {
    const PrefixSlot& slot = level.slots[at & level.mask];
    if (slot.list == 0 || (slot.high == high && slot.low == low)) return slot.list;
  }
}

inline void lookup(const Prefixes& table, const IpAddress& address, const Answer& answer) noexcept {
  const PrefixLevels& levels = address.is_v4() ? table.v4 : table.v6;
  const AddressWords key = words(address);
  for (std::uint32_t i = 0; i < levels.count; ++i) {
    if (const std::uint32_t list = find(levels.levels[i], key); list != 0) return append(answer, table.lists, list);
  }
}

inline void lookup(const TextSet& table, std::string_view text, const Answer& answer) noexcept {
  const std::uint64_t hash = hash_text(text);
  for (std::uint64_t at = hash;; ++at) {
    const TextSlot& slot = table.slots[at & table.mask];
    if (slot.list == 0) return;
    if (slot.hash == hash && slot.size == text.size() && std::memcmp(slot.data, text.data(), text.size()) == 0) {
      return append(answer, table.lists, slot.list);
    }
  }
}

inline void lookup(const TextScan& table, const std::string_view& text, const Answer& answer) noexcept {
  iris_index_scan(&table, &text, &answer);
}

}  // namespace iris::index
