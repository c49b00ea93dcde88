// Tables over addresses: one hash table a prefix length, longest first; every prefix is chained to the longest one
// that covers it, so that one hit yields all covering prefixes. An address is its own longest prefix.
#include <array>
#include <tuple>
#include <utility>

#include "jit/index/builders.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

// A block of the 128-bit space; the version is kept beside it.
struct Prefix {
  std::uint8_t length = 0;  // IPv4: 96 more than the subnet's own
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Prefix&) const = default;
};
using PrefixIds = std::map<Prefix, Ids>;  // shortest first

constexpr std::uint64_t top_bits(unsigned count) {
  if (count == 0) return 0;
  return count >= 64 ? ~0ULL : ~0ULL << (64 - count);
}

constexpr PrefixLevel level_of(std::uint8_t length) {
  return {.keep_high = top_bits(length), .keep_low = top_bits(length > 64 ? length - 64U : 0)};
}

Prefix shortened(const Prefix& prefix, std::uint8_t length) {
  const PrefixLevel level = level_of(length);
  return {length, prefix.high & level.keep_high, prefix.low & level.keep_low};
}

Prefix prefix_of(const Subnet& subnet) {
  const unsigned length = subnet.length + (subnet.address.is_v4() ? 96U : 0U);
  const AddressWords address = words(subnet.address);
  return shortened({128, address.high, address.low}, static_cast<std::uint8_t>(std::min(length, 128U)));
}

bool covers(const Prefix& wide, const Prefix& narrow) {
  return wide.length <= narrow.length && shortened(narrow, wide.length) == wide;
}

// One predicate's prefixes of one version without those that another one covers: it must not report itself twice.
// Sorted by address, what a prefix covers follows it immediately.
std::vector<Prefix> uncovered(std::vector<Prefix> prefixes) {
  std::ranges::sort(prefixes, {},
                    [](const Prefix& prefix) { return std::tuple(prefix.high, prefix.low, prefix.length); });
  std::vector<Prefix> result;
  for (const Prefix& prefix : prefixes) {
    if (result.empty() || !covers(result.back(), prefix)) result.push_back(prefix);
  }
  return result;
}

class PrefixesIndex final : public Index {
 public:
  PrefixesIndex(const PrefixIds& v4, const PrefixIds& v6) : v4_(v4, lists_), v6_(v6, lists_) {
    table_ = {.v4 = v4_.view(), .v6 = v6_.view(), .lists = lists_.view()};
  }
  [[nodiscard]] const void* table() const noexcept override { return &table_; }

 private:
  class Version {
   public:
    Version(const PrefixIds& prefixes, ListBuilder& lists) {
      std::map<Prefix, std::uint32_t> list;
      std::map<std::uint8_t, std::vector<PrefixSlot>> slots;  // by length
      for (const auto& [prefix, ids] : prefixes) {
        const std::uint32_t number = lists.add(ids, covering(prefix, slots, list));
        list.emplace(prefix, number);
        slots[prefix.length].push_back({prefix.high, prefix.low, number});
      }
      for (auto entry = slots.rbegin(); entry != slots.rend(); ++entry) add_level(entry->first, entry->second);
    }

    [[nodiscard]] PrefixLevels view() const { return {levels_.data(), static_cast<std::uint32_t>(levels_.size())}; }

   private:
    // `shorter` has the lengths that were met so far.
    static std::uint32_t covering(const Prefix& prefix, const std::map<std::uint8_t, std::vector<PrefixSlot>>& shorter,
                                  const std::map<Prefix, std::uint32_t>& list) {
      for (auto entry = shorter.rbegin(); entry != shorter.rend(); ++entry) {
        if (entry->first == prefix.length) continue;
        if (const auto found = list.find(shortened(prefix, entry->first)); found != list.end()) return found->second;
      }
      return 0;
    }

    void add_level(std::uint8_t length, const std::vector<PrefixSlot>& prefixes) {
      std::vector<PrefixSlot>& slots = slots_.emplace_back(slots_for(prefixes.size()));
      for (const PrefixSlot& slot : prefixes) free_slot(std::span(slots), hash_address(slot.high, slot.low)) = slot;
      PrefixLevel level = level_of(length);
      level.slots = slots.data();  // stays where it is when slots_ grows
      level.mask = slots.size() - 1;
      levels_.push_back(level);
    }

    std::vector<std::vector<PrefixSlot>> slots_;
    std::vector<PrefixLevel> levels_;
  };

  ListBuilder lists_;
  Version v4_;
  Version v6_;
  Prefixes table_;
};

template <class Operand>
Built build_prefixes(std::span<const Entry> entries, Subnet (*subnet_of)(const Operand&)) {
  std::array<PrefixIds, 2> ids;  // IPv4, IPv6
  for (const Entry& entry : entries) {
    std::array<std::vector<Prefix>, 2> prefixes;
    for (const filter::Operand& operand : entry.predicate->operands) {
      const Subnet subnet = subnet_of(std::get<Operand>(operand));
      prefixes[subnet.address.is_v4() ? 0 : 1].push_back(prefix_of(subnet));
    }
    for (std::size_t version = 0; version < 2; ++version) {
      for (const Prefix& prefix : uncovered(std::move(prefixes[version]))) ids[version][prefix].push_back(entry.id);
    }
  }
  for (PrefixIds& version : ids) {
    for (auto& [prefix, list] : version) normalise(list);
  }
  return std::make_unique<PrefixesIndex>(ids[0], ids[1]);
}

}  // namespace

Built build_address_set(std::span<const Entry> entries) {
  return build_prefixes<IpAddress>(entries, [](const IpAddress& address) {
    return Subnet{address, static_cast<std::uint8_t>(address.is_v4() ? 32 : 128)};
  });
}

Built build_subnets(std::span<const Entry> entries) {
  return build_prefixes<Subnet>(entries, [](const Subnet& subnet) { return subnet; });
}

}  // namespace iris::index
