// Tables over numbers: a hash table for equality, elementary intervals for ranges.
#include <limits>
#include <utility>

#include "jit/index/builders.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

using filter::Range;

class NumberSetIndex final : public Index {
 public:
  explicit NumberSetIndex(const std::map<std::uint64_t, Ids>& values) : slots_(slots_for(values.size())) {
    for (const auto& [value, ids] : values) {
      free_slot(std::span(slots_), hash_number(value)) = {.key = value, .list = lists_.add(ids)};
    }
    table_ = {.slots = slots_.data(), .mask = slots_.size() - 1, .lists = lists_.view()};
  }
  [[nodiscard]] const void* table() const noexcept override { return &table_; }

 private:
  std::vector<NumberSlot> slots_;
  ListBuilder lists_;
  NumberSet table_;
};

// The same numbers as disjoint ranges: a predicate must not report itself twice.
std::vector<Range> disjoint(const filter::Predicate& predicate) {
  std::vector<Range> sorted;
  for (const filter::Operand& operand : predicate.operands) {
    if (const Range& range = std::get<Range>(operand); range.first <= range.last) sorted.push_back(range);
  }
  std::ranges::sort(sorted);
  std::vector<Range> result;
  for (const Range& range : sorted) {
    if (!result.empty() && range.first <= result.back().last) {
      result.back().last = std::max(result.back().last, range.last);
    } else {
      result.push_back(range);
    }
  }
  return result;
}

// A segment tree over the elementary intervals: a range is noted at the O(log n) nodes that make it up, and a value
// collects what is noted on the way from its interval to the root. The way is kept as a chain of lists that skips
// empty nodes. (Noting ranges at intervals would take O(n²) for n nested ones.)
class NumberRangesIndex final : public Index {
 public:
  explicit NumberRangesIndex(std::span<const Entry> entries) {
    std::vector<std::pair<Range, std::uint32_t>> ranges;
    first_.push_back(0);
    for (const Entry& entry : entries) {
      for (const Range& range : disjoint(*entry.predicate)) {
        ranges.emplace_back(range, entry.id);
        first_.push_back(range.first);
        if (range.last != std::numeric_limits<std::uint64_t>::max()) first_.push_back(range.last + 1);
      }
    }
    std::ranges::sort(first_);
    first_.erase(std::ranges::unique(first_).begin(), first_.end());

    std::vector<Ids> nodes(2 * first_.size());  // node i's children are 2i and 2i + 1; leaves begin at first_.size()
    for (const auto& [range, id] : ranges) note(nodes, range, id);
    chain(nodes);
    table_ = {.first = first_.data(),
              .list = list_.data(),
              .count = static_cast<std::uint32_t>(first_.size()),
              .lists = lists_.view()};
  }
  [[nodiscard]] const void* table() const noexcept override { return &table_; }

 private:
  void note(std::vector<Ids>& nodes, const Range& range, std::uint32_t id) const {
    const auto leaf = [&](auto position) {
      return first_.size() + static_cast<std::size_t>(position - first_.begin());
    };
    std::size_t left = leaf(std::ranges::lower_bound(first_, range.first));
    std::size_t right = leaf(std::ranges::upper_bound(first_, range.last));  // one past
    for (; left < right; left /= 2, right /= 2) {
      if (left % 2 == 1) nodes[left++].push_back(id);
      if (right % 2 == 1) nodes[--right].push_back(id);
    }
  }

  void chain(std::vector<Ids>& nodes) {
    std::vector<std::uint32_t> list(nodes.size());  // of the node or its next ancestor that has something to say
    for (std::size_t node = 1; node < nodes.size(); ++node) {
      normalise(nodes[node]);
      const std::uint32_t above = list[node / 2];
      list[node] = nodes[node].empty() ? above : lists_.add(nodes[node], above);
    }
    list_.assign(list.begin() + static_cast<std::ptrdiff_t>(first_.size()), list.end());
  }

  std::vector<std::uint64_t> first_;
  std::vector<std::uint32_t> list_;
  ListBuilder lists_;
  NumberRanges table_;
};

}  // namespace

Built build_number_set(std::span<const Entry> entries) {
  return std::make_unique<NumberSetIndex>(by_operand<std::uint64_t>(entries));
}

Built build_number_ranges(std::span<const Entry> entries) { return std::make_unique<NumberRangesIndex>(entries); }

}  // namespace iris::index
