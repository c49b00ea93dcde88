#include "proto/filter_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace iris::proto {
namespace {

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// What stands in quotes at `at`, where `file` and `=` are passed; empty: nothing does. The quotes may be escaped, as
// in a string literal of C++.
std::string quoted_at(std::string_view text, std::size_t at) {
  const std::string_view escape = at < text.size() && text[at] == '\\' ? text.substr(at, 1) : std::string_view();
  at += escape.size();
  if (at >= text.size() || (text[at] != '\'' && text[at] != '"')) return {};
  const std::string closing = std::string(escape) + text[at];
  const std::size_t end = text.find(closing, at + 1);
  const std::string_view name = text.substr(at + 1, end == std::string_view::npos ? 0 : end - at - 1);
  return name.contains('\n') ? std::string() : std::string(name);
}

FilterFile read_file(const std::string& name, const std::filesystem::path& path, std::size_t most) {
  FilterFile file{name, {}, {}};
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::error_code ignored;
  if (!stream) {
    file.failure = std::strerror(errno == 0 ? EIO : errno);
  } else if (std::filesystem::is_directory(path, ignored)) {
    file.failure = std::strerror(EISDIR);
  } else {
    file.content.resize(most + 1);
    stream.read(file.content.data(), static_cast<std::streamsize>(file.content.size()));
    file.content.resize(static_cast<std::size_t>(stream.gcount()));
    file.content.shrink_to_fit();
    if (stream.bad()) file.failure = std::strerror(EIO);
    if (file.content.size() > most) {
      file.content.clear();
      file.failure = "it is too large: all files of a subscription together may have 16 MiB";
    }
  }
  return file;
}

}  // namespace

std::vector<std::string> files_named_in(std::string_view text) {
  constexpr std::string_view word = "file";
  std::vector<std::string> names;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + word.size())) {
    if (at > 0 && is_name(text[at - 1])) continue;
    std::size_t next = at + word.size();
    const auto skip_blanks = [&] {
      while (next < text.size() && is_blank(text[next])) ++next;
    };
    skip_blanks();
    if (next >= text.size() || text[next] != '=') continue;
    ++next;
    if (next < text.size() && text[next] == '=') ++next;
    skip_blanks();
    std::string name = quoted_at(text, next);
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

std::vector<FilterFile> read_filter_files(std::string_view text, const std::filesystem::path& folder) {
  std::vector<FilterFile> files;
  std::size_t left = max_filter_file_bytes;
  for (const std::string& name : files_named_in(text)) {
    if (files.size() == max_filter_files) break;
    files.push_back(read_file(name, folder / name, left));
    left -= files.back().content.size();
  }
  return files;
}

}  // namespace iris::proto
