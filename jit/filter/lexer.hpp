// Text → tokens. Values are complete here: a token of kind `value` carries its number, address, block or string as
// written.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "jit/filter/ast.hpp"

namespace iris::filter {

enum class TokenKind : std::uint8_t {
  end,
  name,
  value,
  left_paren,
  right_paren,
  left_brace,
  right_brace,
  comma,
  logical_and,
  logical_or,
  logical_not,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  contains,
  starts_with,
  ends_with,
  under,
  matches,
  not_matches,
  matches_bytes,
  not_matches_bytes,
};

struct Token {
  TokenKind kind = TokenKind::end;
  Span span;
  std::string_view text;  // points into the tokenized text
  Written value;          // TokenKind::value
};

// The last token is `end`; no other is.
[[nodiscard]] std::expected<std::vector<Token>, FilterError> tokenize(std::string_view text);

}  // namespace iris::filter
