#include "jit/filter/files.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace iris::filter {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// Up to a comment. A # in quotes begins none.
std::string_view without_comment(std::string_view line) {
  char quote = '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != '\0') {
      if (c == '\\') ++i;
      if (c == quote) quote = '\0';
    } else if (c == '#' && (i == 0 || is_blank(line[i - 1]))) {
      return line.substr(0, i);
    } else if (c == '\'' || c == '"') {
      quote = c;
    }
  }
  return line;
}

}  // namespace

std::expected<std::vector<FileLine>, FilterError> Files::lines(const std::string& name, const Span& span) const {
  const auto file = std::ranges::find(files_, name, &NamedFile::name);
  if (file == files_.end())
    return fail_at(span, fmt::format("file {} did not come with the filter", quoted(name)),
                   "irisctl sends the files that stand beside the source, or in the current folder for --filter");
  if (!file->failure.empty()) return fail_at(span, fmt::format("file {}: {}", quoted(name), file->failure));
  std::vector<FileLine> result;
  std::string_view rest = file->content;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = without_comment(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::size_t column = 1;
    for (; !line.empty() && is_blank(line.front()); ++column) line.remove_prefix(1);
    while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
    if (!line.empty()) result.push_back({number, column, line});
  }
  if (result.empty()) return fail_at(span, fmt::format("file {} has no lines that say anything", quoted(name)));
  return result;
}

FilterError in_file(const std::string& name, const FileLine& line, FilterError error, const Span& span) {
  error.message = fmt::format("{}:{}:{}: {}", name, line.number, line.column + error.offset, error.message);
  error.offset = span.offset;
  error.length = span.length;
  return error;
}

}  // namespace iris::filter
