// Capture time: the NIC's or the burst's clock on live traffic, the file's timestamps on captures.
#pragma once

#include <compare>
#include <cstdint>

namespace iris {

// A span of capture time. Negative only where a capture's clock ran backwards.
struct Duration {
  std::int64_t nanoseconds = 0;

  [[nodiscard]] constexpr double seconds() const { return static_cast<double>(nanoseconds) * 1e-9; }
  auto operator<=>(const Duration&) const = default;
};

// A point in capture time: nanoseconds since 1970-01-01T00:00:00 UTC.
struct Timestamp {
  std::uint64_t nanoseconds = 0;

  auto operator<=>(const Timestamp&) const = default;
  friend constexpr Duration operator-(Timestamp later, Timestamp earlier) {
    return {static_cast<std::int64_t>(later.nanoseconds - earlier.nanoseconds)};
  }
  friend constexpr Timestamp operator+(Timestamp point, Duration span) {
    return {point.nanoseconds + static_cast<std::uint64_t>(span.nanoseconds)};
  }
};

}  // namespace iris
