// Reproducible choices.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace iris::oracle {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // From 0 to limit - 1.
  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_); }
  std::size_t between(std::size_t first, std::size_t last) { return first + below(last - first + 1); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <class Range>
  const auto& of(const Range& range) {
    return *std::next(std::begin(range), static_cast<std::ptrdiff_t>(below(std::size(range))));
  }
  std::string_view of(std::initializer_list<std::string_view> texts) { return *(texts.begin() + below(texts.size())); }
  // Each of them or not, in their order.
  template <class T>
  std::vector<T> some(std::initializer_list<T> all) {
    std::vector<T> chosen;
    for (const T& each : all) {
      if (one_in(2)) chosen.push_back(each);
    }
    return chosen;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace iris::oracle
