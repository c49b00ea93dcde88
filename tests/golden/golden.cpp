#include "tests/golden/golden.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace iris::golden {
namespace {

constexpr std::string_view case_mark = "=== ";
constexpr std::string_view output_mark = "---";

void trim_newlines(std::string& text) {
  while (text.ends_with('\n')) text.pop_back();
}

bool updating() {
  const char* value = std::getenv("IRIS_UPDATE_GOLDEN");  // NOLINT(concurrency-mt-unsafe): before any thread
  return value != nullptr && std::string_view(value) == "1";
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> result;
  for (const auto& entry : std::filesystem::directory_iterator(IRIS_GOLDEN_FOLDER))
    if (entry.path().extension() == ".txt") result.push_back(entry.path());
  std::ranges::sort(result);
  return result;
}

void check(const std::filesystem::path& path, const std::function<std::string(const std::string&)>& run) {
  File file = read(path);
  EXPECT_FALSE(file.cases.empty()) << path << " has no cases";
  std::set<std::string> names;
  for (Case& c : file.cases) {
    SCOPED_TRACE(path.filename().string() + ": " + c.name);
    EXPECT_TRUE(names.insert(c.name).second) << "another case has this name";
    std::string output = run(c.input);
    trim_newlines(output);
    if (updating())
      c.expected = std::move(output);
    else
      EXPECT_EQ(output, c.expected) << "input:\n" << c.input << "\n(IRIS_UPDATE_GOLDEN=1 accepts the new output)";
  }
  if (updating()) write(path, file);
}

}  // namespace

File read(const std::filesystem::path& path) {
  File file;
  std::string* part = &file.preamble;
  std::istringstream lines(contents(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(case_mark)) {
      file.cases.push_back({line.substr(case_mark.size()), "", ""});
      part = &file.cases.back().input;
    } else if (line == output_mark && !file.cases.empty() && part == &file.cases.back().input) {
      part = &file.cases.back().expected;
    } else {
      *part += line + '\n';
    }
  }
  trim_newlines(file.preamble);
  for (Case& c : file.cases) {
    trim_newlines(c.input);
    trim_newlines(c.expected);
  }
  return file;
}

void write(const std::filesystem::path& path, const File& file) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  if (!file.preamble.empty()) stream << file.preamble << "\n";
  bool first = file.preamble.empty();
  for (const Case& c : file.cases) {
    if (!first) stream << '\n';
    first = false;
    stream << case_mark << c.name << '\n';
    if (!c.input.empty()) stream << c.input << '\n';
    stream << output_mark << '\n';
    if (!c.expected.empty()) stream << c.expected << '\n';
  }
  EXPECT_TRUE(stream.flush()) << "cannot write " << path;
}

void check_page(const std::filesystem::path& page, const std::string& language,
                const std::function<std::string(const std::string&)>& run) {
  const std::string fence = "```" + language;
  std::string rewritten;
  std::size_t number = 0;
  std::size_t cases = 0;
  std::istringstream lines(contents(page));
  for (std::string line; std::getline(lines, line);) {
    ++number;
    rewritten += line + '\n';
    if (line != fence) continue;
    SCOPED_TRACE(page.filename().string() + ":" + std::to_string(number));
    ++cases;
    std::string input;
    for (; std::getline(lines, line) && line != output_mark; ++number) input += line + '\n';
    std::string expected;
    for (++number; std::getline(lines, line) && line != "```"; ++number) expected += line + '\n';
    ++number;
    trim_newlines(input);
    std::string output = run(input);
    trim_newlines(output);
    rewritten += input + '\n' + std::string(output_mark) + '\n' + output + "\n```\n";
    trim_newlines(expected);
    if (!updating()) EXPECT_EQ(output, expected) << "input:\n" << input;
  }
  EXPECT_GT(cases, 0U) << page << " has no cases";
  if (!updating()) return;
  std::ofstream stream(page, std::ios::binary | std::ios::trunc);
  EXPECT_TRUE((stream << rewritten).flush()) << "cannot write " << page;
}

void check_all(const std::function<std::string(const std::string&)>& run) {
  const auto all = files();
  EXPECT_FALSE(all.empty()) << "no *.txt in " << IRIS_GOLDEN_FOLDER;
  for (const auto& path : all) check(path, run);
}

}  // namespace iris::golden
