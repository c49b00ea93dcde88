// Looking a value up in an index. Generated code calls what looks up as functions of the host (jit/index/tables.hpp),
// and has the rest of this in it, as bitcode: inlining the look-ups made it three times as long to compile, for 3 to 14
// ns of a connection's life (bench_events), on the way of every change that brings a new field or operator.
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

// Ascending.
inline void sort(std::uint32_t* ids, std::uint32_t count) noexcept {
  if (count > 1) iris_index_sort(ids, count);
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

inline void append(const Answer& answer, const Ids& ids) noexcept {
  if (ids.count == 1) return append(answer, ids.only);
  const std::uint32_t* several = ids.several->data();
  for (std::uint32_t i = 0; i < ids.count; ++i) append(answer, several[i]);
}

// After the last family of a level.
inline void finish(abi::Matches& matches) noexcept {
  if (matches.count > 1) iris_index_finish(&matches);
}

// ---- look-ups -------------------------------------------------------------------------------------------------

inline void lookup(const Presence& table, const Answer& answer) noexcept { append(answer, table.ids); }

// As BlockSlot::hash().
inline std::uint64_t hash_block(std::uint64_t high, std::uint64_t low, std::uint32_t level) noexcept {
  return fold(hash_number(high) ^ low ^ (static_cast<std::uint64_t>(level) << 48U), hash_factor);
}
inline std::uint64_t BlockSlot::hash() const noexcept { return hash_block(high, low, level); }

inline void lookup(const Shards<BlockSlot>& slots, const BlockLevel& level, std::uint64_t high, std::uint64_t low,
                   const Answer& answer) noexcept {
  high &= level.keep_high;
  low &= level.keep_low;
  const BlockSlot* found = find(slots, hash_block(high, low, level.level), [&](const BlockSlot& slot) {
    return slot.high == high && slot.low == low && slot.level == level.level;
  });
  if (found != nullptr) append(answer, found->ids);
}

inline void lookup(const Blocks& table, std::uint64_t value, const Answer& answer) noexcept {
  if (table.few != nullptr) {
    for (std::uint32_t i = 0; i < table.all_few; ++i) {
      const FewBlock& block = table.few[i];
      if ((value & block.keep_high) == block.high) append(answer, *block.ids);
    }
    return;
  }
  for (std::uint32_t i = 0; i < table.all_levels; ++i) lookup(table.slots, table.levels[i], value, 0, answer);
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

// Of addresses of one version: whether what `block` keeps (a FewBlock's members) is its own.
template <class Block>
bool is_in(const AddressWords& value, const Block& block) noexcept {
  return (((value.high & block.keep_high) ^ block.high) | ((value.low & block.keep_low) ^ block.low)) == 0;
}

inline void lookup(const Blocks& table, const IpAddress& address, const Answer& answer) noexcept {
  const bool v4 = address.is_v4();
  const AddressWords value = words(address);
  if (table.few != nullptr) {
    const std::uint32_t end = v4 ? table.v4_few : table.all_few;
    for (std::uint32_t i = v4 ? 0 : table.v4_few; i < end; ++i) {
      if (is_in(value, table.few[i])) append(answer, *table.few[i].ids);
    }
    return;
  }
  const std::uint32_t end = v4 ? table.v4_levels : table.all_levels;
  for (std::uint32_t i = v4 ? 0 : table.v4_levels; i < end; ++i) {
    lookup(table.slots, table.levels[i], value.high, value.low, answer);
  }
}

inline void lookup(const Shards<TextSlot>& slots, std::string_view text, const Answer& answer) noexcept {
  const std::uint64_t hash = hash_text(text);
  const TextSlot* found = find(slots, hash, [&](const TextSlot& slot) {
    return slot.hashed == hash && slot.size == text.size() &&
           std::memcmp(slot.text.get(), text.data(), text.size()) == 0;
  });
  if (found != nullptr) append(answer, found->ids);
}

inline void lookup(const Texts& table, std::string_view text, const Answer& answer) noexcept {
  lookup(table.slots, text, answer);
}

// `length` is not more than the text's. Labels: whether an affix may begin there.
inline bool has_affix_at(Affix kind, std::string_view text, std::size_t length) noexcept {
  return kind != Affix::labels || length == text.size() || text[text.size() - length - 1] == '.';
}
inline std::string_view affix_of(Affix kind, std::string_view text, std::size_t length) noexcept {
  return kind == Affix::prefix ? text.substr(0, length) : text.substr(text.size() - length);
}
inline char innermost_of(Affix kind, std::string_view affix) noexcept {
  return kind == Affix::prefix ? affix.back() : affix.front();
}

inline void lookup(const Affixes& table, std::string_view text, const Answer& answer) noexcept {
  for (std::uint32_t i = 0; i < table.count; ++i) {
    const AffixLength& length = table.lengths[i];
    if (length.length > text.size()) return;
    if (!has_affix_at(table.kind, text, length.length)) continue;
    const std::string_view affix = affix_of(table.kind, text, length.length);
    if (!affix.empty()) {
      const auto byte = static_cast<unsigned char>(innermost_of(table.kind, affix));
      if ((length.innermost[byte / 64U] >> (byte % 64U) & 1U) == 0) continue;
    }
    lookup(table.slots, affix, answer);
  }
}

inline void lookup(const TextScan& table, const std::string_view& text, const Answer& answer) noexcept {
  iris_index_scan(&table, &text, &answer);
}

}  // namespace iris::index
