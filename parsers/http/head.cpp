#include "parsers/http/head.hpp"

#include <algorithm>
#include <charconv>

namespace iris::parsers::http {
namespace {

constexpr std::string_view protocol_name = "HTTP/";
constexpr std::size_t longest_method = 32;

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
// RFC 9110, 9.1: any token; those that are registered, or were ever met, have capital letters, '-' and '_' only.
constexpr bool is_method_character(char c) noexcept { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; }

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (is_space(text.front()) || text.front() == '\r')) text.remove_prefix(1);
  while (!text.empty() && (is_space(text.back()) || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// "1.1" of "HTTP/1.1"; empty when it is none.
std::string_view version_of(std::string_view text) noexcept {
  if (!text.starts_with(protocol_name)) return {};
  const std::string_view version = text.substr(protocol_name.size());
  const bool number = !version.empty() && is_digit(version.front());
  const bool only = std::ranges::all_of(version, [](char c) { return is_digit(c) || c == '.'; });
  return number && only && version.size() <= 5 ? version : std::string_view();
}

}  // namespace

// RFC 9110, 9.3; RFC 5789; RFC 4918, 9; and what Windows' configuration service sends.
bool is_known_method(std::string_view method) noexcept {
  static constexpr std::string_view known[] = {"GET",     "HEAD",   "POST",     "PUT",       "DELETE", "CONNECT",
                                               "OPTIONS", "TRACE",  "PATCH",    "COPY",      "LOCK",   "MKCOL",
                                               "MOVE",    "UNLOCK", "PROPFIND", "PROPPATCH", "SEARCH", "CCM_POST"};
  return std::ranges::find(known, method) != std::end(known);
}

std::optional<RequestLine> parse_request_line(std::string_view line) noexcept {
  line = trim(line);
  const auto method_end = static_cast<std::size_t>(std::ranges::find_if(line, is_space) - line.begin());
  const std::string_view method = line.substr(0, method_end);
  if (method.empty() || method.size() > longest_method || !std::ranges::all_of(method, is_method_character)) {
    return std::nullopt;
  }
  const std::string_view rest = trim(line.substr(method_end));
  const std::size_t last = rest.find_last_of(" \t");
  const std::string_view version =
      last == std::string_view::npos ? std::string_view() : version_of(rest.substr(last + 1));
  if (!version.empty()) return RequestLine{method, trim(rest.substr(0, last)), version};
  if (!is_known_method(method)) return std::nullopt;
  return RequestLine{method, rest, {}};
}

std::optional<StatusLine> parse_status_line(std::string_view line) noexcept {
  const auto end = static_cast<std::size_t>(std::ranges::find_if(line, is_space) - line.begin());
  const std::string_view version = version_of(line.substr(0, end));
  const std::string_view rest = trim(line.substr(end));
  if (version.empty() || rest.size() < 3 || !std::ranges::all_of(rest.substr(0, 3), is_digit)) return std::nullopt;
  if (rest.size() > 3 && !is_space(rest[3])) return std::nullopt;
  StatusLine parsed{version, 0, trim(rest.substr(3))};
  const std::string_view digits = rest.substr(0, 3);
  std::from_chars(digits.data(), digits.data() + digits.size(), parsed.status);
  if (parsed.status < 100) return std::nullopt;
  return parsed;
}

bool may_be_request_line(std::string_view beginning) noexcept {
  const auto end = static_cast<std::size_t>(std::ranges::find_if(beginning, is_space) - beginning.begin());
  const std::string_view method = beginning.substr(0, end);
  return !method.empty() && method.size() <= longest_method && std::ranges::all_of(method, is_method_character);
}

bool may_be_status_line(std::string_view beginning) noexcept {
  const std::size_t compared = std::min(beginning.size(), protocol_name.size());
  return compared != 0 && beginning.substr(0, compared) == protocol_name.substr(0, compared) &&
         (beginning.size() <= compared || is_digit(beginning[compared]));
}

std::string_view take_line(std::string_view& head) noexcept {
  const std::size_t end = head.find('\n');
  std::string_view line = head.substr(0, end);
  head.remove_prefix(end == std::string_view::npos ? head.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::size_t parse_headers(std::span<char> lines, std::span<HttpHeader> headers) noexcept {
  // RFC 9112, 5.2: a line that begins with white space continues the one before it.
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (!is_space(lines[i]) || lines[i - 1] != '\n') continue;
    lines[i - 1] = ' ';
    if (i > 1 && lines[i - 2] == '\r') lines[i - 2] = ' ';
  }
  std::string_view rest(lines.data(), lines.size());
  std::size_t count = 0;
  while (!rest.empty() && count < headers.size()) {
    const std::string_view line = take_line(rest);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) continue;
    headers[count++] = {trim(line.substr(0, colon)), trim(line.substr(colon + 1))};
  }
  return count;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(left, right, {}, lower, lower);
}

std::string_view find_header(std::span<const HttpHeader> headers, std::string_view name) noexcept {
  for (const HttpHeader& header : headers) {
    if (equal_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

std::optional<std::uint64_t> parse_length(std::string_view value) noexcept {
  std::uint64_t length = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  const bool number = error == std::errc() && (stop == value.data() + value.size() || *stop == ',' || is_space(*stop));
  return number ? std::optional(length) : std::nullopt;
}

bool ends_in_chunked(std::string_view value) noexcept {
  const std::size_t comma = value.rfind(',');
  return equal_ignoring_case(trim(comma == std::string_view::npos ? value : value.substr(comma + 1)), "chunked");
}

std::string_view authority_of(std::string_view target) noexcept {
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos || scheme > 8) return {};
  const std::string_view rest = target.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

}  // namespace iris::parsers::http
