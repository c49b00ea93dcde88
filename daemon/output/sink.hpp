// Where finished lines go.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jit/abi/result.hpp"

namespace iris::output {

// Lines of JSON in one string, each with its newline.
struct Batch {
  std::string text;
  std::vector<std::size_t> ends;  // of each line, its newline included

  [[nodiscard]] std::size_t start(std::size_t index) const { return index == 0 ? 0 : ends[index - 1]; }
  // Without its newline.
  [[nodiscard]] std::string_view line(std::size_t index) const {
    return std::string_view(text).substr(start(index), ends[index] - start(index) - 1);
  }
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  // Takes the batch's lines in order; returns how many it took, the rest being lost to it. May wait, as long as nobody
  // calls `cancel`. Thread: one at a time.
  [[nodiscard]] virtual std::size_t write(const Batch& batch) = 0;

  // Ends a `write` that waits; from now on nothing is written. Thread: any.
  virtual void cancel() noexcept = 0;

  // Why the sink does not write at present, if it does not. Thread: any.
  [[nodiscard]] virtual std::optional<Error> failure() const = 0;
};

}  // namespace iris::output
