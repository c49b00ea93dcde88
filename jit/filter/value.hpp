// How values are written: numbers with their units, ranges, addresses and blocks (RFC 4632, RFC 4291 section 2.2),
// strings, bytes.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "jit/filter/ast.hpp"

namespace iris::filter {

// A value that is neither a string nor bytes, from the word that stands at `span`. What is neither a number, a range,
// an address nor a block is an error.
[[nodiscard]] std::expected<Written, FilterError> parse_value(std::string_view word, const Span& span);

struct TextLiteral {
  Text text;
  Span span;  // with quotes and flags, or with bars
};
// The string that begins with the quote at `text[offset]`: escapes are resolved.
[[nodiscard]] std::expected<TextLiteral, FilterError> parse_string(std::string_view text, std::size_t offset);
// The bytes that begin with the bar at `text[offset]`: |16 03 01| or |160301|.
[[nodiscard]] std::expected<TextLiteral, FilterError> parse_bytes(std::string_view text, std::size_t offset);

// As parse_value reads it (RFC 5952 for IPv6).
[[nodiscard]] std::string to_text(const IpAddress& address);
[[nodiscard]] std::string to_text(const Subnet& subnet);
[[nodiscard]] std::string mac_text(std::uint64_t number);
// In single quotes, printable ASCII only; as parse_string reads it.
[[nodiscard]] std::string quote_string(std::string_view value);

// The block without its host bits.
[[nodiscard]] Subnet masked(const Subnet& subnet);

}  // namespace iris::filter
