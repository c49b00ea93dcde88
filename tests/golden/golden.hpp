// Golden tests: text in, text out, compared with what a file says. A file holds cases,
//
//   # Anything before the first case is kept.
//   === name of the case
//   input, any number of lines
//   ---
//   expected output
//
// separated by blank lines. With IRIS_UPDATE_GOLDEN=1 in the environment, outputs are written to the file instead of
// being compared: read the diff before you commit it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace iris::golden {

// Without trailing newlines.
struct Case {
  std::string name;
  std::string input;
  std::string expected;
};

struct File {
  std::string preamble;
  std::vector<Case> cases;
};

[[nodiscard]] File read(const std::filesystem::path& path);
void write(const std::filesystem::path& path, const File& file);

// Runs every case of every *.txt of the test's own folder, and fails the current test for each that differs, is
// malformed, or has the name of another. Fails, too, when there is no case at all.
void check_all(const std::function<std::string(const std::string& input)>& run);

// Likewise every case of a page of documentation: a fenced block of `language`, input and expected output with `---`
// between them.
void check_page(const std::filesystem::path& page, const std::string& language,
                const std::function<std::string(const std::string& input)>& run);

}  // namespace iris::golden
