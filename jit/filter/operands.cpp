#include "jit/filter/operands.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

#include "jit/filter/value.hpp"

namespace iris::filter {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

void sort_distinct(std::vector<Operand>& operands) {
  std::ranges::sort(operands);
  const auto rest = std::ranges::unique(operands);
  operands.erase(rest.begin(), rest.end());
}

Predicate ranges(const parsers::Field& field, const std::vector<Operand>& operands) {
  std::vector<Range> sorted;
  sorted.reserve(operands.size());
  for (const Operand& operand : operands) {
    const auto* number = std::get_if<std::uint64_t>(&operand);
    sorted.push_back(number != nullptr ? Range{*number, *number} : std::get<Range>(operand));
  }
  std::ranges::sort(sorted);
  std::vector<Range> merged;
  for (const Range& range : sorted) {
    const bool touches = !merged.empty() && (merged.back().last == std::numeric_limits<std::uint64_t>::max() ||
                                             range.first <= merged.back().last + 1);
    if (touches)
      merged.back().last = std::max(merged.back().last, range.last);
    else
      merged.push_back(range);
  }
  if (merged.front() == Range{0, greatest(field.width)}) return {&field, Operator::present, {}};
  if (std::ranges::all_of(merged, [](const Range& range) { return range.first == range.last; })) {
    std::vector<Operand> numbers;
    for (const Range& range : merged) numbers.emplace_back(range.first);
    return {&field, Operator::one_of, std::move(numbers)};
  }
  return {&field, Operator::in_range, std::vector<Operand>(merged.begin(), merged.end())};
}

Predicate blocks(const parsers::Field& field, std::vector<Operand> operands) {
  for (Operand& operand : operands)
    if (const auto* address = std::get_if<IpAddress>(&operand))
      operand = Subnet{*address, static_cast<std::uint8_t>(address->is_v4() ? 32 : 128)};
  // A block sorts behind the blocks that hold it: its address is not less than theirs and its length is greater.
  sort_distinct(operands);
  std::vector<Operand> disjoint;
  std::optional<Subnet> latest[2];  // of IPv6, of IPv4: kept blocks are disjoint, so only the last can hold the next
  for (const Operand& operand : operands) {
    const auto& block = std::get<Subnet>(operand);
    auto& kept = latest[block.address.is_v4() ? 1 : 0];
    if (kept && masked({block.address, kept->length}) == *kept) continue;
    kept = block;
    disjoint.emplace_back(block);
  }
  const auto is_host = [](const Operand& operand) {
    const auto& block = std::get<Subnet>(operand);
    return block.length == (block.address.is_v4() ? 32 : 128);
  };
  if (!std::ranges::all_of(disjoint, is_host)) return {&field, Operator::in_subnet, std::move(disjoint)};
  for (Operand& operand : disjoint) operand = std::get<Subnet>(operand).address;
  return {&field, Operator::one_of, std::move(disjoint)};
}

std::string key(std::uint64_t number) {
  std::string bytes(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8) bytes[static_cast<std::size_t>(i)] = static_cast<char>(number & 0xff);
  return bytes;
}

std::string key(const IpAddress& address) {
  std::string bytes(1, static_cast<char>(address.version));
  for (const std::uint8_t byte : address.bytes) bytes += static_cast<char>(byte);
  return bytes;
}

IpAddress last_address(const Subnet& subnet) {
  IpAddress last = subnet.address;
  const unsigned kept = subnet.address.is_v4() ? 96U + subnet.length : subnet.length;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned bits = kept > 8 * i ? std::min(kept - 8 * i, 8U) : 0;
    last.bytes[i] |= static_cast<std::uint8_t>(0xffU >> bits);
  }
  return last;
}

Interval interval(const Operand& operand) {
  return std::visit(Overloaded{
                        [](const Range& range) { return Interval{key(range.first), key(range.last)}; },
                        [](const Subnet& subnet) { return Interval{key(subnet.address), key(last_address(subnet))}; },
                        [](const std::string& text) { return Interval{text, text}; },
                        [](const auto& value) { return Interval{key(value), key(value)}; },
                    },
                    operand);
}

}  // namespace

Predicate membership(const parsers::Field& field, std::vector<Operand> operands) {
  if (std::ranges::any_of(operands, [](const Operand& o) { return std::holds_alternative<Range>(o); }))
    return ranges(field, operands);
  if (std::ranges::any_of(operands, [](const Operand& o) { return std::holds_alternative<Subnet>(o); }))
    return blocks(field, std::move(operands));
  sort_distinct(operands);
  return {&field, Operator::one_of, std::move(operands)};
}

Predicate search(const parsers::Field& field, Operator op, std::vector<Operand> operands) {
  const auto text = [](Operand& operand) -> std::string& { return std::get<std::string>(operand); };
  const auto turn_all = [&] { std::ranges::for_each(operands, [&](Operand& o) { std::ranges::reverse(text(o)); }); };
  const bool from_behind = op == Operator::ends_with || op == Operator::under;
  if (from_behind) turn_all();
  sort_distinct(operands);
  if (from_behind || op == Operator::starts_with) {
    // What a text covers follows it. Of domains it may be that others are in between: 'b', 'b-c', 'b.a', turned round.
    std::vector<std::string> kept;
    std::erase_if(operands, [&](Operand& operand) {
      const std::string& candidate = text(operand);
      while (!kept.empty() && !candidate.starts_with(kept.back())) kept.pop_back();
      const bool covered = std::ranges::any_of(kept, [&](const std::string& beginning) {
        return op != Operator::under || beginning.size() == candidate.size() || candidate[beginning.size()] == '.';
      });
      if (!covered) kept.push_back(candidate);
      return covered;
    });
  }
  if (from_behind) turn_all();
  sort_distinct(operands);
  return {&field, op, std::move(operands)};
}

std::vector<Interval> intervals(const Predicate& predicate) {
  std::vector<Interval> result;
  const bool is_set =
      predicate.op == Operator::one_of || predicate.op == Operator::in_range || predicate.op == Operator::in_subnet;
  if (!is_set) return result;
  result.reserve(predicate.operands.size());
  for (const Operand& operand : predicate.operands) result.push_back(interval(operand));
  std::ranges::sort(result);
  return result;
}

bool overlap(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() && right != b.end()) {
    if (left->second < right->first)
      ++left;
    else if (right->second < left->first)
      ++right;
    else
      return true;
  }
  return false;
}

bool covers(const std::vector<Interval>& outer, const std::vector<Interval>& inner) {
  auto candidate = outer.begin();
  return std::ranges::all_of(inner, [&](const Interval& part) {
    while (candidate != outer.end() && candidate->second < part.first) ++candidate;
    return candidate != outer.end() && candidate->first <= part.first && part.second <= candidate->second;
  });
}

}  // namespace iris::filter
