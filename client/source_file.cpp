#include "client/source_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "proto/filter_files.hpp"

namespace iris::client {
namespace {

class File {
 public:
  explicit File(const std::string& path) : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (file_ >= 0) ::close(file_);
  }
  [[nodiscard]] int number() const { return file_; }

 private:
  int file_;
};

using Text = std::expected<std::string, std::string>;

Text read_text(const std::string& path, std::size_t most) {
  const auto fail = [&](const std::string& why) { return std::unexpected("cannot read " + path + ": " + why); };
  const File file(path);
  if (file.number() < 0) return fail(std::strerror(errno));
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) return fail(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return fail("it is a directory; name the file in it");
  std::string text;
  std::array<char, 65536> piece{};
  for (;;) {
    const ssize_t size = ::read(file.number(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail(std::strerror(errno));
    if (size == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(size));
    if (text.size() > most) return fail("it is too large: at most " + std::to_string(most >> 20) + " MiB are taken");
  }
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  return line;
}

std::string_view without_comment(std::string_view line) {
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '#' && (i == 0 || is_blank(line[i - 1]))) {
      return line.substr(0, i);
    }
  }
  return line;
}

// The length of `NAME` in `NAME: EXPR`; 0: there is none. No filter begins so: a colon in one is an address's, without
// a blank behind it.
std::size_t name_length(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 >= line.size() || !is_blank(line[colon + 1])) return 0;
  for (const char c : line.substr(0, colon)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && c != '-' && c != '.') return 0;
  }
  return colon;
}

}  // namespace

std::expected<v1::Source, std::string> read_source(const std::string& path) {
  auto text = read_text(path, max_source_bytes);
  if (!text) return std::unexpected(std::move(text.error()));
  v1::Source source;
  source.set_name(path);
  add_files(*text, std::filesystem::path(path).parent_path(), *source.mutable_files());
  source.set_text(std::move(*text));
  return source;
}

void add_files(std::string_view text, const std::filesystem::path& folder, Files& files) {
  for (auto& file : proto::read_filter_files(text, folder)) {
    v1::File& added = *files.Add();
    added.set_name(std::move(file.name));
    added.set_content(std::move(file.content));
    added.set_failure(std::move(file.failure));
  }
}

std::expected<std::vector<v1::NamedFilter>, std::string> read_filters(const std::string& path,
                                                                      const std::string& prefix) {
  const auto text = read_text(path, max_filters_bytes);
  if (!text) return std::unexpected(text.error());
  const std::string stem = prefix.empty() ? std::filesystem::path(path).stem().string() : prefix;
  std::vector<v1::NamedFilter> filters;
  std::size_t number = 0;
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  for (std::size_t begin = text->starts_with(byte_order_mark) ? byte_order_mark.size() : 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size());
    const std::string_view line = trimmed(without_comment(std::string_view(*text).substr(begin, end - begin)));
    begin = end + 1;
    ++number;
    if (line.empty()) continue;
    const std::size_t name = name_length(line);
    v1::NamedFilter& filter = filters.emplace_back();
    filter.set_name(name == 0 ? stem + "-" + std::to_string(number) : std::string(line.substr(0, name)));
    filter.set_filter(std::string(name == 0 ? line : trimmed(line.substr(name + 1))));
    filter.set_where(path + ":" + std::to_string(number));
  }
  if (filters.empty()) return std::unexpected(path + " has no filters");
  return filters;
}

}  // namespace iris::client
