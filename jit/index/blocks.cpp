// Numbers and addresses: a value, a range and a prefix are all blocks of a power of two values, kept in one hash table
// by their first value and their size; or, while they are few, in a list.
#include <array>
#include <bit>
#include <map>
#include <tuple>
#include <variant>
#include <vector>

#include "jit/index/builders.hpp"
#include "jit/index/sharded.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

using filter::Range;

struct Block {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint32_t level = 0;  // as BlockLevel's
  auto operator<=>(const Block&) const = default;
};

// ---- what predicates come to

constexpr std::uint64_t without_low_bits(unsigned count) { return count >= 64 ? 0 : ~0ULL << count; }

// A number's level is how many low bits its block leaves open.
BlockLevel number_level(std::uint32_t open) { return {without_low_bits(open), ~0ULL, open}; }

void cover(const Range& range, unsigned bits, std::vector<Block>& blocks) {
  const std::uint64_t top = bits >= 64 ? ~0ULL : (1ULL << bits) - 1;
  if (range.first > top) return;
  const std::uint64_t last = std::min(range.last, top);
  for (std::uint64_t first = range.first; first <= last;) {
    unsigned open = first == 0 ? bits : static_cast<unsigned>(std::countr_zero(first));
    while ((first | ~without_low_bits(open)) > last) --open;
    blocks.push_back({first, 0, open});
    const std::uint64_t end = first | ~without_low_bits(open);
    if (end == ~0ULL) return;
    first = end + 1;
  }
}

// The same numbers as disjoint ranges: a predicate must not report itself twice.
std::vector<Block> number_blocks(const filter::Predicate& predicate, unsigned bits) {
  std::vector<Range> sorted;
  for (const filter::Operand& operand : predicate.operands) {
    const auto* number = std::get_if<std::uint64_t>(&operand);
    const Range range = number != nullptr ? Range{*number, *number} : std::get<Range>(operand);
    if (range.first <= range.last) sorted.push_back(range);
  }
  std::ranges::sort(sorted);
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < sorted.size();) {
    Range joined = sorted[i];
    for (++i; i < sorted.size() && sorted[i].first <= joined.last; ++i)
      joined.last = std::max(joined.last, sorted[i].last);
    cover(joined, bits, blocks);
  }
  return blocks;
}

// An address's level is the length of its prefix, plus this for IPv4, whose prefixes begin with the mapping's 96 bits.
constexpr std::uint32_t v4 = 256;

BlockLevel address_level(std::uint32_t level) {
  const unsigned length = level % v4;
  return {without_low_bits(64 - std::min(length, 64U)), without_low_bits(length < 64 ? 64 : 128 - length), level};
}

Block shortened(const Block& block, std::uint32_t level) {
  const BlockLevel kept = address_level(level);
  return {block.high & kept.keep_high, block.low & kept.keep_low, level};
}

bool covers(const Block& wide, const Block& narrow) {
  return wide.level / v4 == narrow.level / v4 && wide.level <= narrow.level && shortened(narrow, wide.level) == wide;
}

Block block_of(const filter::Operand& operand) {
  const auto* subnet = std::get_if<Subnet>(&operand);
  const IpAddress& address = subnet != nullptr ? subnet->address : std::get<IpAddress>(operand);
  const unsigned mapped = address.is_v4() ? 96 : 0;
  const unsigned length = std::min(subnet != nullptr ? subnet->length + mapped : 128U, 128U);
  const AddressWords parts = words(address);
  return shortened({parts.high, parts.low, 0}, length + (address.is_v4() ? v4 : 0));
}

// Without blocks that another one covers. Sorted by version and address, what a block covers follows it immediately.
std::vector<Block> address_blocks(const filter::Predicate& predicate) {
  std::vector<Block> sorted;
  sorted.reserve(predicate.operands.size());
  for (const filter::Operand& operand : predicate.operands) sorted.push_back(block_of(operand));
  std::ranges::sort(
      sorted, {}, [](const Block& block) { return std::tuple(block.level / v4, block.high, block.low, block.level); });
  std::vector<Block> blocks;
  for (const Block& block : sorted) {
    if (blocks.empty() || !covers(blocks.back(), block)) blocks.push_back(block);
  }
  return blocks;
}

// ---- the table

using Levels = std::vector<BlockLevel>;

// A comparison takes about a quarter of a probe.
constexpr std::size_t comparisons_a_probe = 4;

auto same_as(const Block& block) {
  return [&block](const BlockSlot& slot) {
    return slot.high == block.high && slot.low == block.low && slot.level == block.level;
  };
}

class BlockBuilder : public Builder {
 public:
  Result<void> add(const PredicatePtr& predicate, std::uint32_t id) override {
    for (const Block& block : blocks_of(*predicate)) {
      const BlockSlot fresh{block.high, block.low, block.level, {}};
      add_id(slots_.edit(fresh, same_as(block)).ids, id);
      if (slots_.size() != entries_) note_level(block.level, slots_.size() - entries_);
      entries_ = slots_.size();
    }
    return {};
  }

  void remove(const filter::Predicate& predicate, std::uint32_t id) override {
    for (const Block& block : blocks_of(predicate)) {
      BlockSlot& slot = slots_.edit({block.high, block.low, block.level, {}}, same_as(block));
      if (slot.ids.count > 1) {
        remove_id(slot.ids, id);
        continue;
      }
      const std::uint64_t hash = slot.hash();
      slots_.erase(hash, same_as(block));
      note_level(block.level, static_cast<std::size_t>(-1));
      entries_ = slots_.size();
    }
  }

  Result<std::shared_ptr<const Index>> snapshot() override {
    if (levels_ == nullptr) list_levels();
    Blocks table;
    table.slots = slots_.view();
    table.levels = levels_->data();
    table.v4_levels = v4_levels_;
    table.all_levels = static_cast<std::uint32_t>(levels_->size());
    const bool are_few = entries_ <= comparisons_a_probe * (levels_->size() + 1);
    const auto few = std::make_shared<const std::vector<FewBlock>>(are_few ? list_few(table) : std::vector<FewBlock>{});
    if (are_few) table.few = few->data();
    return make_version(table, std::tuple(slots_, levels_, few));
  }

 protected:
  [[nodiscard]] virtual std::vector<Block> blocks_of(const filter::Predicate& predicate) const = 0;
  [[nodiscard]] virtual BlockLevel level_of(std::uint32_t level) const = 0;

 private:
  void note_level(std::uint32_t level, std::size_t entries) {
    std::size_t& users = users_[level];
    const bool was_there = users != 0;
    users += entries;
    if (was_there != (users != 0)) levels_ = nullptr;
  }

  void list_levels() {
    Levels list;
    v4_levels_ = 0;
    const auto add = [&](bool of_v4) {
      for (const auto& [level, users] : users_) {
        if (users != 0 && (level >= v4) == of_v4) list.push_back(level_of(level));
      }
    };
    add(true);
    v4_levels_ = static_cast<std::uint32_t>(list.size());
    add(false);
    levels_ = std::make_shared<const Levels>(std::move(list));
  }

  // The entries of this version.
  std::vector<FewBlock> list_few(Blocks& table) const {
    std::vector<FewBlock> few;
    few.reserve(entries_);
    const auto add = [&](bool of_v4) {
      slots_.each([&](const BlockSlot& slot) {
        if ((slot.level >= v4) != of_v4) return;
        const BlockLevel level = level_of(slot.level);
        few.push_back({level.keep_high, slot.high, level.keep_low, slot.low, &slot.ids});
      });
    };
    add(true);
    table.v4_few = static_cast<std::uint32_t>(few.size());
    add(false);
    table.all_few = static_cast<std::uint32_t>(few.size());
    return few;
  }

  Sharded<BlockSlot> slots_;
  std::size_t entries_ = 0;
  std::map<std::uint32_t, std::size_t> users_;  // entries of each level
  std::shared_ptr<const Levels> levels_;        // nullptr: changed
  std::uint32_t v4_levels_ = 0;
};

class NumberBuilder final : public BlockBuilder {
 public:
  explicit NumberBuilder(unsigned width) : bits_(8 * width) {}

 private:
  [[nodiscard]] std::vector<Block> blocks_of(const filter::Predicate& predicate) const override {
    return number_blocks(predicate, bits_);
  }
  [[nodiscard]] BlockLevel level_of(std::uint32_t level) const override { return number_level(level); }

  unsigned bits_;
};

class AddressBuilder final : public BlockBuilder {
 private:
  [[nodiscard]] std::vector<Block> blocks_of(const filter::Predicate& predicate) const override {
    return address_blocks(predicate);
  }
  [[nodiscard]] BlockLevel level_of(std::uint32_t level) const override { return address_level(level); }
};

}  // namespace

std::unique_ptr<Builder> make_number_builder(unsigned width) { return std::make_unique<NumberBuilder>(width); }
std::unique_ptr<Builder> make_address_builder() { return std::make_unique<AddressBuilder>(); }

}  // namespace iris::index
