#include "jit/filter/lexer.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "jit/filter/value.hpp"

namespace iris::filter {
namespace {

struct Spelling {
  std::string_view text;
  TokenKind kind;
};

constexpr auto keywords = std::to_array<Spelling>({
    {"and", TokenKind::logical_and},
    {"or", TokenKind::logical_or},
    {"not", TokenKind::logical_not},
    {"in", TokenKind::in},
    {"eq", TokenKind::equal},
    {"ne", TokenKind::not_equal},
    {"lt", TokenKind::less},
    {"gt", TokenKind::greater},
    {"le", TokenKind::less_equal},
    {"ge", TokenKind::greater_equal},
    {"AND", TokenKind::logical_and},
    {"OR", TokenKind::logical_or},
    {"NOT", TokenKind::logical_not},
    {"IN", TokenKind::in},
    {"contains", TokenKind::contains},
    {"starts_with", TokenKind::starts_with},
    {"ends_with", TokenKind::ends_with},
    {"under", TokenKind::under},
    {"matches", TokenKind::matches},
});

// Longer spellings stand before their beginnings.
constexpr auto symbols = std::to_array<Spelling>({
    {"&&", TokenKind::logical_and},
    {"||", TokenKind::logical_or},
    {"==", TokenKind::equal},
    {"!=", TokenKind::not_equal},
    {"!~", TokenKind::not_matches},
    {"<=", TokenKind::less_equal},
    {">=", TokenKind::greater_equal},
    {"=", TokenKind::equal},
    {"<", TokenKind::less},
    {">", TokenKind::greater},
    {"~", TokenKind::matches},
    {"!", TokenKind::logical_not},
    {"(", TokenKind::left_paren},
    {")", TokenKind::right_paren},
    {"{", TokenKind::left_brace},
    {"}", TokenKind::right_brace},
    {",", TokenKind::comma},
});

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
// Of names, numbers, ranges, addresses and blocks: none needs a space to end it before an operator or a bracket.
bool is_word(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '/'; }
bool is_hexadecimal(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::expected<std::vector<Token>, FilterError> run() {
    std::vector<Token> tokens;
    while (true) {
      while (offset_ < text_.size() && is_space(text_[offset_])) ++offset_;
      if (offset_ == text_.size()) break;
      auto token = next();
      if (!token) return std::unexpected(std::move(token.error()));
      offset_ = token->span.end();
      token->text = text_.substr(token->span.offset, token->span.length);
      tokens.push_back(std::move(*token));
    }
    tokens.push_back({TokenKind::end, {text_.size(), 0}, {}, {}});
    return tokens;
  }

 private:
  using Result = std::expected<Token, FilterError>;

  [[nodiscard]] char at(std::size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }

  [[nodiscard]] Result next() const {
    const char c = text_[offset_];
    if (is_word(c)) return word();
    if (c == '\'' || c == '"') return text(parse_string(text_, offset_));
    if (c == '|' && begins_bytes()) return text(parse_bytes(text_, offset_));
    // `~bar` would be a name without its quotes.
    for (const auto& [spelling, kind] :
         {Spelling{"!~b", TokenKind::not_matches_bytes}, {"~b", TokenKind::matches_bytes}})
      if (text_.substr(offset_).starts_with(spelling) && !is_word(at(offset_ + spelling.size())))
        return Token{kind, {offset_, spelling.size()}, {}, {}};
    for (const auto& [spelling, kind] : symbols)
      if (text_.substr(offset_).starts_with(spelling)) return Token{kind, {offset_, spelling.size()}, {}, {}};
    return fail_at({offset_, 1}, fmt::format("unexpected character {}", quoted(text_.substr(offset_, 1))),
                   c == '&' || c == '|' ? fmt::format("write {0}{0} or '{1}'", c, c == '&' ? "and" : "or") : "");
  }

  // Whether the '|' here is not the first half of '||': a digit follows.
  [[nodiscard]] bool begins_bytes() const {
    std::size_t next = offset_ + 1;
    while (is_space(at(next))) ++next;
    return is_hexadecimal(at(next));
  }

  static Result text(std::expected<TextLiteral, FilterError> literal) {
    if (!literal) return std::unexpected(std::move(literal.error()));
    return Token{TokenKind::value, literal->span, {}, std::move(literal->text)};
  }

  [[nodiscard]] Result word() const {
    std::size_t end = offset_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    if (at(end) == '%') ++end;
    const Span span{offset_, end - offset_};
    const std::string_view written = text_.substr(span.offset, span.length);
    for (const auto& [spelling, kind] : keywords)
      if (written == spelling) return Token{kind, span, {}, {}};
    // Names begin with a letter; so do some IPv6 addresses and IEEE 802's, which have colons.
    if (is_letter(written.front()) && written.find(':') == std::string_view::npos) {
      if (written.find('/') == std::string_view::npos && written.find("..") == std::string_view::npos)
        return Token{TokenKind::name, span, {}, {}};
      return fail_at(span, fmt::format("{} is neither a name nor a value", quoted(written)));
    }
    auto value = parse_value(written, span);
    if (!value) return std::unexpected(std::move(value.error()));
    return Token{TokenKind::value, span, {}, std::move(*value)};
  }

  std::string_view text_;
  std::size_t offset_ = 0;
};

}  // namespace

std::expected<std::vector<Token>, FilterError> tokenize(std::string_view text) { return Lexer(text).run(); }

}  // namespace iris::filter
