// Files that a filter names: one value or one filter a line. Blank lines, and what follows a # at a line's beginning or
// behind white space, count for nothing.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jit/filter/ast.hpp"

namespace iris::filter {

// A line that says something.
struct FileLine {
  std::size_t number = 0;  // from 1
  std::size_t column = 0;  // of its first byte, from 1
  std::string_view text;   // without white space around it, and without its comment
};

class Files {
 public:
  Files() = default;
  explicit Files(std::span<const NamedFile> files) : files_(files) {}

  // At least one. `span` is where the filter names the file.
  [[nodiscard]] std::expected<std::vector<FileLine>, FilterError> lines(const std::string& name,
                                                                        const Span& span) const;

 private:
  std::span<const NamedFile> files_;
};

// What is wrong in a line of a file that the filter names at `span`: "hosts.txt:3:9: …". `error` points into the line.
[[nodiscard]] FilterError in_file(const std::string& name, const FileLine& line, FilterError error, const Span& span);

}  // namespace iris::filter
