// The helpers that generated code calls, compiled to bitcode at build time and inlined into every dispatch. Control
// flow is jit/codegen's; every access to data is here, so that layouts are the C++ compiler's business alone.
//
// Generated code names these functions; jit/codegen is their only caller.
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <iris/time.hpp>

#include "jit/abi/dispatch.hpp"
#include "jit/runtime/lookup.hpp"

#define IRIS_HELPER extern "C" [[gnu::always_inline]]

namespace {
using iris::abi::Facts;
using iris::abi::Family;
using iris::abi::Matches;
using iris::abi::Walking;
using iris::index::Answer;

template <class T>
const T& at(const void* base, std::uint32_t offset) {
  return *reinterpret_cast<const T*>(static_cast<const char*>(base) + offset);
}

template <class Table>
const Table& table(const Family* families, std::uint32_t family) {
  return *static_cast<const Table*>(families[family].index);
}
}  // namespace

// ---- what a level's offsets are relative to

IRIS_HELPER const void* iris_base_tuple(const Facts* facts) noexcept { return facts->subject; }
IRIS_HELPER const void* iris_base_protocol(const Facts* facts) noexcept { return &facts->protocol; }
IRIS_HELPER const void* iris_base_session(const Facts* facts) noexcept { return facts->session; }
IRIS_HELPER const void* iris_base_headers(const Facts* facts) noexcept { return facts->headers; }

// ---- fields

IRIS_HELPER bool iris_flag(const void* base, std::uint32_t offset) noexcept { return at<bool>(base, offset); }
IRIS_HELPER bool iris_has_text(const void* base, std::uint32_t offset) noexcept {
  return at<std::string_view>(base, offset).data() != nullptr;
}
IRIS_HELPER std::uint64_t iris_number_1(const void* base, std::uint32_t offset) noexcept {
  return at<std::uint8_t>(base, offset);
}
IRIS_HELPER std::uint64_t iris_number_2(const void* base, std::uint32_t offset) noexcept {
  return at<std::uint16_t>(base, offset);
}
IRIS_HELPER std::uint64_t iris_number_4(const void* base, std::uint32_t offset) noexcept {
  return at<std::uint32_t>(base, offset);
}
IRIS_HELPER std::uint64_t iris_number_8(const void* base, std::uint32_t offset) noexcept {
  return at<std::uint64_t>(base, offset);
}
IRIS_HELPER const void* iris_field(const void* base, std::uint32_t offset) noexcept { return &at<char>(base, offset); }

// ---- lists: what they are of makes no difference to where they lie and how long they are

namespace {
using AnySpan = std::span<const char>;

template <class T>
const T& element(const void* base, std::uint32_t offset, std::uint64_t index) {
  return reinterpret_cast<const T*>(at<AnySpan>(base, offset).data())[index];
}
}  // namespace

IRIS_HELPER std::uint64_t iris_list_size(const void* base, std::uint32_t offset) noexcept {
  return at<AnySpan>(base, offset).size();
}
IRIS_HELPER std::uint64_t iris_text_size(const void* base, std::uint32_t offset) noexcept {
  return at<std::string_view>(base, offset).size();
}
IRIS_HELPER std::uint64_t iris_element_1(const void* base, std::uint32_t offset, std::uint64_t index) noexcept {
  return element<std::uint8_t>(base, offset, index);
}
IRIS_HELPER std::uint64_t iris_element_2(const void* base, std::uint32_t offset, std::uint64_t index) noexcept {
  return element<std::uint16_t>(base, offset, index);
}
IRIS_HELPER std::uint64_t iris_element_4(const void* base, std::uint32_t offset, std::uint64_t index) noexcept {
  return element<std::uint32_t>(base, offset, index);
}
IRIS_HELPER std::uint64_t iris_element_8(const void* base, std::uint32_t offset, std::uint64_t index) noexcept {
  return element<std::uint64_t>(base, offset, index);
}
IRIS_HELPER const void* iris_element_text(const void* base, std::uint32_t offset, std::uint64_t index) noexcept {
  return &element<std::string_view>(base, offset, index);
}

// ---- a family's answer

IRIS_HELPER void iris_begin(Answer* answer, const Facts* facts, Matches* matches) noexcept {
  *answer = iris::index::begin(*matches, facts->worker);
}
IRIS_HELPER void iris_again(Answer* answer) noexcept { iris::index::again(*answer); }
IRIS_HELPER void iris_count(std::uint64_t* evaluations, std::uint32_t family) noexcept { ++evaluations[family]; }

// After a look-up.
IRIS_HELPER void iris_spent(const Facts* facts, std::uint32_t family) noexcept {
  if (facts->clock != nullptr) [[unlikely]]
    iris_index_spend(facts->clock, family);
}
// After the last family of a level.
IRIS_HELPER void iris_finish(Matches* matches) noexcept { iris::index::finish(*matches); }

// ---- look-ups, one a kind of table

IRIS_HELPER void iris_lookup_presence(const Family* families, std::uint32_t family, const Answer* answer) noexcept {
  lookup(table<iris::index::Presence>(families, family), *answer);
}
IRIS_HELPER void iris_lookup_number(const Family* families, std::uint32_t family, std::uint64_t value,
                                    const Answer* answer) noexcept {
  iris_index_number(&table<iris::index::Blocks>(families, family), value, answer);
}
IRIS_HELPER void iris_lookup_address(const Family* families, std::uint32_t family, const iris::IpAddress* address,
                                     const Answer* answer) noexcept {
  iris_index_address(&table<iris::index::Blocks>(families, family), address, answer);
}
IRIS_HELPER void iris_lookup_text(const Family* families, std::uint32_t family, const std::string_view* text,
                                  const Answer* answer) noexcept {
  iris_index_text(&table<iris::index::Texts>(families, family), text, answer);
}
IRIS_HELPER void iris_lookup_text_affixes(const Family* families, std::uint32_t family, const std::string_view* text,
                                          const Answer* answer) noexcept {
  iris_index_affixes(&table<iris::index::Affixes>(families, family), text, answer);
}
IRIS_HELPER void iris_lookup_text_scan(const Family* families, std::uint32_t family, const std::string_view* text,
                                       const Answer* answer) noexcept {
  // A copy of the answer escapes, so that the original stays in registers.
  const Answer copy = *answer;
  iris_index_scan(static_cast<const iris::index::TextScan*>(families[family].index), text, &copy);
}
IRIS_HELPER void iris_lookup_every(const Family* families, std::uint32_t family, const void* base, std::uint32_t offset,
                                   const Answer* answer) noexcept {
  const Answer copy = *answer;
  iris_index_every(static_cast<const iris::index::Every*>(families[family].index), &at<char>(base, offset), &copy);
}

// ---- comparing with constants: as the tables would answer

IRIS_HELPER void iris_reset(Matches* matches) noexcept { matches->count = 0; }
IRIS_HELPER bool iris_found(const Matches* matches, std::uint32_t id) noexcept {
  for (std::uint32_t i = 0; i < matches->count; ++i) {
    if (matches->ids[i] == id) return true;
  }
  return false;
}
IRIS_HELPER bool iris_is_in_block(const iris::IpAddress* address, bool v4, std::uint64_t keep_high, std::uint64_t high,
                                  std::uint64_t keep_low, std::uint64_t low) noexcept {
  const iris::index::FewBlock block{.keep_high = keep_high, .high = high, .keep_low = keep_low, .low = low};
  return address->is_v4() == v4 && is_in(iris::index::words(*address), block);
}
IRIS_HELPER bool iris_is_text(const std::string_view* text, const char* data, std::uint64_t size) noexcept {
  return text->size() == size && std::memcmp(text->data(), data, size) == 0;
}
IRIS_HELPER bool iris_has_affix(const std::string_view* text, std::uint32_t kind, const char* data,
                                std::uint64_t size) noexcept {
  const auto affix = static_cast<iris::index::Affix>(kind);
  return text->size() >= size && iris::index::has_affix_at(affix, *text, size) &&
         std::memcmp(iris::index::affix_of(affix, *text, size).data(), data, size) == 0;
}

// ---- steps through a graph that is code

IRIS_HELPER std::uint64_t iris_walk_truths(const Walking* walking) noexcept { return walking->truths; }
IRIS_HELPER std::uint32_t iris_walk_birth(const Walking* walking) noexcept { return walking->birth; }
IRIS_HELPER std::uint32_t iris_walk_protocol(const Walking* walking) noexcept { return walking->protocol; }
IRIS_HELPER bool iris_walk_sampled(const Walking* walking) noexcept { return walking->sampled; }
IRIS_HELPER bool iris_walk_rules_out(const Walking* walking, std::uint32_t protocol) noexcept {
  return (walking->possible >> protocol & 1U) == 0;
}
IRIS_HELPER std::uint32_t iris_walk_frontier_size(const Walking* walking) noexcept { return walking->frontier_size; }
IRIS_HELPER std::uint32_t iris_walk_frontier(const Walking* walking, std::uint32_t i) noexcept {
  return walking->frontier[i];
}
IRIS_HELPER void iris_walk_at(Walking* walking, bool sampled, std::uint32_t node) noexcept {
  if (sampled) [[unlikely]]
    walking->work_at(walking, node);
}
IRIS_HELPER void iris_walk_reach(Walking* walking, std::uint32_t place) noexcept { ++*walking->reached[place]; }
IRIS_HELPER void iris_walk_report(Walking* walking, std::uint32_t action, bool in_session) noexcept {
  std::uint64_t& reported = walking->reported[action];
  if (reported == walking->call) return;
  reported = walking->call;
  walking->matches[walking->match_count++] = {action, in_session};
}
IRIS_HELPER void iris_walk_take_direct(Walking* walking, std::uint32_t node) noexcept {
  walking->take_direct(walking, node);
}
IRIS_HELPER bool iris_walk_accepted(Walking* walking, std::uint32_t predicate) noexcept {
  return walking->accepted(walking, predicate);
}
IRIS_HELPER void iris_walk_keep(Walking* walking, std::uint32_t node) noexcept {
  walking->kept[walking->kept_count++] = node;
}
