// How long each step of a change to the registry takes, by name.
#pragma once

#include <algorithm>
#include <chrono>

#include "jit/compiler.hpp"

namespace iris::control {

// Adds to `stages`, which outlive it. Of a step that is taken twice, the time of both.
class Stopwatch {
 public:
  explicit Stopwatch(jit::Stages& stages) : stages_(stages) {}
  void lap(const char* stage) {
    const auto now = std::chrono::steady_clock::now();
    const double spent = std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
    const auto known = std::ranges::find(stages_, stage, &jit::Stages::value_type::first);
    if (known != stages_.end()) {
      known->second += spent;
    } else {
      stages_.emplace_back(stage, spent);
    }
  }
  [[nodiscard]] double total_ms() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  jit::Stages& stages_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_ = start_;
};

}  // namespace iris::control
