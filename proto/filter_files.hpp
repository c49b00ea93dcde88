// Files that filters name, as in file='hosts.txt': found in the text of a source or of a filter, and read on the side
// that has them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace iris::proto {

// What is sent of one source, or of one filter.
inline constexpr std::size_t max_filter_files = 64;
inline constexpr std::size_t max_filter_file_bytes = std::size_t{16} << 20;

struct FilterFile {
  std::string name;  // as the text has it
  std::string content;
  std::string failure;  // why it could not be read; empty: it was
};

// Each once, in the order of the text. In a C++ source this also finds names in comments, and those in string literals
// whose quotes are escaped: what nobody asks for does no harm.
[[nodiscard]] std::vector<std::string> files_named_in(std::string_view text);

// Those files, relative to `folder`. What cannot be read says so when a filter asks for it. Beyond the limits above
// files are not read.
[[nodiscard]] std::vector<FilterFile> read_filter_files(std::string_view text, const std::filesystem::path& folder);

}  // namespace iris::proto
