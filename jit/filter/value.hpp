// How values are written: numbers, ranges, addresses and blocks (RFC 4632, RFC 4291 section 2.2), strings.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "jit/filter/ast.hpp"

namespace iris::filter {

// A value that is not a string, from the word that stands at `span`. What is neither a number, a range, an address nor
// a block is an error.
[[nodiscard]] std::expected<Operand, FilterError> parse_value(std::string_view word, const Span& span);

// The string that begins with the quote at `text[offset]`, and where it ends.
struct StringLiteral {
  std::string value;  // escapes resolved
  Span span;          // quotes included
};
[[nodiscard]] std::expected<StringLiteral, FilterError> parse_string(std::string_view text, std::size_t offset);

// As parse_value reads it (RFC 5952 for IPv6).
[[nodiscard]] std::string to_text(const IpAddress& address);
[[nodiscard]] std::string to_text(const Subnet& subnet);
// In single quotes, printable ASCII only; as parse_string reads it.
[[nodiscard]] std::string quote_string(std::string_view value);

// The block without its host bits.
[[nodiscard]] Subnet masked(const Subnet& subnet);

}  // namespace iris::filter
