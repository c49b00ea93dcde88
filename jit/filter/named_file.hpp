// A file that a filter names, as in file='hosts.txt'. It travels with the filter: who parses that need not have the
// file.
#pragma once

#include <cstddef>
#include <string>

namespace iris::filter {

struct NamedFile {
  std::string name;  // as the filter has it
  std::string content;
  std::string failure{};  // why it could not be read; empty: it was
};

// Of all that one subscription names.
inline constexpr std::size_t max_files = 64;
inline constexpr std::size_t max_file_bytes = std::size_t{16} << 20;

}  // namespace iris::filter
