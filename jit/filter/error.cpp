// Errors with the line they are in and a caret under the part that is wrong.
#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "jit/filter/filter.hpp"

namespace iris::filter {
namespace {

constexpr std::size_t max_columns = 160;  // of a line that is shown whole; of longer ones, the part around the error
constexpr std::size_t context = 60;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

// The excerpt of a line from `first` on, and where in it the error is. In columns, not bytes.
struct Excerpt {
  std::string text;
  std::size_t column = 0;
  std::size_t width = 0;
};

void append(Excerpt& excerpt, std::string_view part) {
  for (const char c : part) {
    const auto byte = static_cast<unsigned char>(c);
    excerpt.text += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
}

std::size_t columns(std::string_view part) {
  return part.size() - static_cast<std::size_t>(std::ranges::count_if(part, continues_character));
}

// Moves `offset` to the beginning of the character that it is in.
std::size_t character_begin(std::string_view line, std::size_t offset) {
  while (offset > 0 && offset < line.size() && continues_character(line[offset])) --offset;
  return offset;
}

Excerpt excerpt_of(std::string_view line, std::size_t begin, std::size_t end) {
  Excerpt excerpt;
  std::size_t first = 0;
  std::size_t last = line.size();
  if (line.size() > max_columns) {
    first = character_begin(line, begin > context ? begin - context : 0);
    end = std::min(end, begin + context);
    last = character_begin(line, std::min(line.size(), end + context));
  }
  if (first > 0) excerpt.text = "...";
  append(excerpt, line.substr(first, last - first));
  excerpt.column = (first > 0 ? 3 : 0) + columns(line.substr(first, begin - first));
  excerpt.width = std::max<std::size_t>(1, columns(line.substr(begin, end - begin)));
  if (last < line.size()) excerpt.text += "...";
  return excerpt;
}

struct Heading {
  std::string_view where;  // empty: "filter" and the line
  std::string_view severity;
};

std::string rendered(std::string_view text, const FilterError& error, const Heading& heading) {
  const std::size_t offset = std::min(error.offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const std::size_t newline = before.rfind('\n');
  const std::size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
  const std::string_view line = text.substr(line_begin, text.find('\n', offset) - line_begin);
  const auto line_number = 1 + std::ranges::count(before, '\n');

  const std::size_t begin = offset - line_begin;
  const Excerpt excerpt = excerpt_of(line, begin, std::min(line.size(), begin + error.length));
  std::string result = heading.where.empty() ? fmt::format("filter:{}", line_number) : std::string(heading.where);
  result += fmt::format(":{}: {}: {}", begin + 1, heading.severity, error.message);
  if (!error.hint.empty()) result += "; " + error.hint;
  result +=
      fmt::format("\n{}\n{}^{}", excerpt.text, std::string(excerpt.column, ' '), std::string(excerpt.width - 1, '~'));
  return result;
}

}  // namespace

std::string render(std::string_view text, const FilterError& error, std::string_view where) {
  return rendered(text, error, {where, "error"});
}

std::string render_warning(std::string_view text, const FilterWarning& warning, std::string_view where) {
  return rendered(text, warning, {where, "warning"});
}

}  // namespace iris::filter
