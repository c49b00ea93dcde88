// The head of a message, from its start line to the empty line (RFC 9112, 2 to 5), as tolerantly as browsers read it:
// bare LF, folded lines, spaces where none belong, a missing reason phrase.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <iris/protocols/http.hpp>

namespace iris::parsers::http {

inline constexpr std::size_t max_head = std::size_t{64} << 10U;
inline constexpr std::size_t max_headers = 256;

struct RequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view version;  // "1.1"
};
struct StatusLine {
  std::string_view version;
  std::uint16_t status = 0;
  std::string_view reason;
};

// A line without its end. nullopt: it is no such line. Behind a method that everybody knows target and version may be
// missing, as in HTTP/0.9: they are empty then.
[[nodiscard]] std::optional<RequestLine> parse_request_line(std::string_view line) noexcept;
[[nodiscard]] std::optional<StatusLine> parse_status_line(std::string_view line) noexcept;

// Whether `line`, perhaps only its beginning, can become one.
[[nodiscard]] bool may_be_request_line(std::string_view beginning) noexcept;
[[nodiscard]] bool may_be_status_line(std::string_view beginning) noexcept;

// The first line of `head`, without its end; `head` loses it.
[[nodiscard]] std::string_view take_line(std::string_view& head) noexcept;

// Lines behind the start line. Folded ones are joined in place. Returns how many headers were written; more than there
// is room for are left out. Lines without a colon are passed over.
[[nodiscard]] std::size_t parse_headers(std::span<char> lines, std::span<HttpHeader> headers) noexcept;

[[nodiscard]] bool equal_ignoring_case(std::string_view left, std::string_view right) noexcept;

// The first of that name; data() == nullptr: none.
[[nodiscard]] std::string_view find_header(std::span<const HttpHeader> headers, std::string_view name) noexcept;

// RFC 9110, 8.6; nullopt for what is no number. Of a list of equal ones the first.
[[nodiscard]] std::optional<std::uint64_t> parse_length(std::string_view value) noexcept;

// Whether the list's last element is `chunked` (RFC 9112, 6.1).
[[nodiscard]] bool ends_in_chunked(std::string_view value) noexcept;

// "example.org:80" of "http://example.org:80/path"; data() == nullptr: the target has none.
[[nodiscard]] std::string_view authority_of(std::string_view target) noexcept;

}  // namespace iris::parsers::http
