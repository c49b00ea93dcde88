#include "jit/filter/quantity.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace iris::filter {
namespace {

__extension__ using Wide = unsigned __int128;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Descending.
constexpr Unit durations[] = {{"d", 86'400'000'000'000},
                              {"h", 3'600'000'000'000},
                              {"m", 60'000'000'000},
                              {"s", 1'000'000'000},
                              {"ms", 1'000'000},
                              {"us", 1'000},
                              {"ns", 1}};
constexpr Unit sizes[] = {{"", 1},
                          {"k", 1'000},
                          {"M", 1'000'000},
                          {"G", 1'000'000'000},
                          {"T", 1'000'000'000'000},
                          {"Ki", std::uint64_t{1} << 10U},
                          {"Mi", std::uint64_t{1} << 20U},
                          {"Gi", std::uint64_t{1} << 30U},
                          {"Ti", std::uint64_t{1} << 40U}};

std::optional<std::uint64_t> factor_of(std::span<const Unit> units, std::string_view name) {
  const auto* unit = std::ranges::find(units.data(), units.data() + units.size(), name, &Unit::name);
  return unit == units.data() + units.size() ? std::nullopt : std::optional(unit->factor);
}

std::string written(const Quantity& quantity) {
  std::string digits = std::to_string(quantity.digits);
  if (quantity.decimals != 0) {
    if (digits.size() <= quantity.decimals) digits.insert(0, quantity.decimals + 1 - digits.size(), '0');
    digits.insert(digits.size() - quantity.decimals, ".");
  }
  return digits + std::string(quantity.unit);
}

std::unexpected<FilterError> unknown_unit(const Quantity& quantity, bool duration, const Span& span) {
  if (duration && quantity.unit.empty())
    return fail_at(span, fmt::format("{} has no unit", quoted(written(quantity))),
                   fmt::format("did you mean {}s? Units are ns, us, ms, s, m, h, d", written(quantity)));
  return fail_at(span, fmt::format("{} is not a {}", quoted(written(quantity)), duration ? "duration" : "number"),
                 duration ? "units are ns, us, ms, s, m, h, d" : "units are k, M, G, T and Ki, Mi, Gi, Ti");
}

constexpr unsigned most_decimals = 19;

constexpr std::uint64_t power_of_ten(unsigned exponent) {
  std::uint64_t power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

}  // namespace

std::expected<std::uint64_t, FilterError> number_of(const Quantity& quantity, parsers::Notation notation,
                                                    const Span& span) {
  const bool duration = notation == parsers::Notation::duration;
  const auto factor =
      factor_of(duration ? std::span<const Unit>(durations) : std::span<const Unit>(sizes), quantity.unit);
  if (!factor) return unknown_unit(quantity, duration, span);
  const Wide scaled = static_cast<Wide>(quantity.digits) * *factor;
  const std::uint64_t divisor = power_of_ten(std::min(quantity.decimals, most_decimals));
  if (quantity.decimals > most_decimals || scaled % divisor != 0)
    return fail_at(
        span, fmt::format("{} is not a whole number{}", quoted(written(quantity)), duration ? " of nanoseconds" : ""));
  if (scaled / divisor > std::numeric_limits<std::uint64_t>::max())
    return fail_at(span, fmt::format("number {} is too large", quoted(written(quantity))),
                   "the largest is 18446744073709551615");
  return static_cast<std::uint64_t>(scaled / divisor);
}

std::string duration_text(std::uint64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  const auto* unit = std::ranges::find_if(durations, [&](const Unit& u) { return nanoseconds % u.factor == 0; });
  return fmt::format("{}{}", nanoseconds / unit->factor, unit->name);
}

std::expected<std::uint64_t, FilterError> share_of_percent(const Quantity& quantity, const Span& span) {
  if (quantity.unit != "%")
    return fail_at(span, fmt::format("{} is not a percentage", quoted(written(quantity))), "as in sample(1%)");
  if (quantity.decimals > most_decimals) return fail_at(span, "the percentage has too many decimals");
  const Wide whole = static_cast<Wide>(100) * power_of_ten(quantity.decimals);
  if (quantity.digits > whole) return fail_at(span, "more than all of them", "a sample is at most 100%");
  const Wide share = ((static_cast<Wide>(quantity.digits) << 32U) + whole / 2) / whole;
  if (share == 0) return fail_at(span, "can never be true: a sample of nothing");
  return static_cast<std::uint64_t>(share);
}

std::string percent_text(std::uint64_t share) {
  // Twelve decimals tell all shares of 2^32 apart.
  for (unsigned decimals = 0;; ++decimals) {
    const Wide scale = static_cast<Wide>(100) * power_of_ten(decimals);
    const auto digits = static_cast<std::uint64_t>(((static_cast<Wide>(share) * scale) + (Wide{1} << 31U)) >> 32U);
    const Quantity quantity{digits, decimals, "%"};
    if (const auto again = share_of_percent(quantity, {}); again && *again == share) return written(quantity);
  }
}

}  // namespace iris::filter
