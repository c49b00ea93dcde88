#include "jit/filter/parser.hpp"

#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "jit/filter/lexer.hpp"

namespace iris::filter {
namespace {

struct Comparison {
  Relation relation;
  bool negated;
};

std::optional<Comparison> comparison(TokenKind kind) {
  switch (kind) {
    case TokenKind::equal:
      return Comparison{Relation::equal, false};
    case TokenKind::not_equal:
      return Comparison{Relation::equal, true};
    case TokenKind::less:
      return Comparison{Relation::less, false};
    case TokenKind::less_equal:
      return Comparison{Relation::less_equal, false};
    case TokenKind::greater:
      return Comparison{Relation::greater, false};
    case TokenKind::greater_equal:
      return Comparison{Relation::greater_equal, false};
    case TokenKind::in:
      return Comparison{Relation::in, false};
    case TokenKind::contains:
      return Comparison{Relation::contains, false};
    case TokenKind::matches:
      return Comparison{Relation::matches, false};
    case TokenKind::not_matches:
      return Comparison{Relation::matches, true};
    default:
      return std::nullopt;
  }
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  std::expected<Node, FilterError> run() {
    if (current().kind == TokenKind::end) return Node{};
    auto node = disjunction();
    if (!node || current().kind == TokenKind::end) return node;
    if (current().kind == TokenKind::right_paren) return fail_at(current().span, "')' without '('");
    return fail_at(current().span, fmt::format("expected 'and', 'or' or the end, found {}", quoted(current().text)));
  }

 private:
  using Result = std::expected<Node, FilterError>;

  [[nodiscard]] const Token& current() const { return tokens_[position_]; }
  const Token& advance() { return tokens_[position_++]; }  // never past the end token: callers look first

  Result disjunction() { return chain(Node::Kind::disjunction, TokenKind::logical_or, &Parser::conjunction); }
  Result conjunction() { return chain(Node::Kind::conjunction, TokenKind::logical_and, &Parser::negation); }

  Result chain(Node::Kind kind, TokenKind separator, Result (Parser::*element)()) {
    Result first = (this->*element)();
    if (!first || current().kind != separator) return first;
    Node node{.kind = kind, .test = {}, .children = {}, .span = {}};
    node.children.push_back(std::move(*first));
    while (current().kind == separator) {
      advance();
      Result next = (this->*element)();
      if (!next) return next;
      node.children.push_back(std::move(*next));
    }
    node.span = join(node.children.front().span, node.children.back().span);
    return node;
  }

  Result negation() {
    const Token& token = current();
    if (token.kind != TokenKind::logical_not && token.kind != TokenKind::left_paren) return test();
    if (++nesting_ > max_nesting)
      return fail_at(token.span, fmt::format("nested more than {} deep", max_nesting), "simplify the filter");
    advance();
    Result node = token.kind == TokenKind::logical_not ? negation() : parenthesised(token.span);
    --nesting_;
    if (!node || token.kind == TokenKind::left_paren) return node;
    const Span span = join(token.span, node->span);
    Node negated{.kind = Node::Kind::negation, .test = {}, .children = {}, .span = span};
    negated.children.push_back(std::move(*node));
    return negated;
  }

  Result parenthesised(const Span& open) {
    Result node = disjunction();
    if (!node) return node;
    if (current().kind != TokenKind::right_paren) {
      if (current().kind == TokenKind::end) return fail_at(open, "'(' is never closed");
      return fail_at(current().span, fmt::format("expected 'and', 'or' or ')', found {}", quoted(current().text)));
    }
    node->span = join(open, advance().span);
    return node;
  }

  Result test() {
    const Token& name = current();
    if (name.kind != TokenKind::name) return unexpected_operand();
    advance();
    Node node{.kind = Node::Kind::test, .test = {}, .children = {}, .span = name.span};
    node.test.name = name.text;
    node.test.name_span = name.span;
    const bool negated = current().kind == TokenKind::logical_not;
    if (!negated && !comparison(current().kind)) return node;

    const Token& relation = negated ? (advance(), current()) : current();
    const auto found = comparison(relation.kind);
    if (!found || (negated && (found->negated || found->relation < Relation::in))) {
      const std::string hint = relation.kind == TokenKind::name
                                   ? "join two conditions by 'and not'"
                                   : fmt::format("to negate a comparison, write 'not' before {}", quoted(name.text));
      return fail_at(relation.span, "expected 'in', 'contains' or 'matches' after 'not'", hint);
    }
    advance();
    node.test.relation = found->relation;
    node.test.negated = negated || found->negated;
    node.test.relation_span = relation.span;
    if (auto error = operands(node.test, relation)) return std::unexpected(std::move(*error));
    node.span = join(name.span, tokens_[position_ - 1].span);
    return node;
  }

  std::optional<FilterError> operands(Test& test, const Token& relation) {
    if (current().kind != TokenKind::left_brace) return value(test, fmt::format("after {}", quoted(relation.text)));
    const Span open = advance().span;
    test.set = true;
    while (true) {
      if (auto error = value(test, "in the set")) return error;
      if (current().kind == TokenKind::right_brace) break;
      if (current().kind == TokenKind::end) return fail_at(open, "'{' is never closed").error();
      if (current().kind != TokenKind::comma)
        return fail_at(current().span, fmt::format("expected ',' or '}}', found {}", quoted(current().text))).error();
      advance();
    }
    advance();
    return std::nullopt;
  }

  std::optional<FilterError> value(Test& test, std::string_view where) {
    const Token& token = current();
    if (token.kind == TokenKind::value) {
      advance();
      test.values.push_back({token.value, token.span});
      return std::nullopt;
    }
    if (token.kind == TokenKind::end) return fail_at(token.span, fmt::format("expected a value {}", where)).error();
    std::string hint;
    if (token.kind == TokenKind::name) hint = fmt::format("write text in quotes: {}", quoted(token.text));
    return fail_at(token.span, fmt::format("expected a value {}, found {}", where, quoted(token.text)), std::move(hint))
        .error();
  }

  [[nodiscard]] Result unexpected_operand() const {
    const Token& token = current();
    if (token.kind == TokenKind::end) return fail_at(token.span, "expected a protocol or a field, found the end");
    std::string hint;
    if (token.kind == TokenKind::value) hint = "values stand after an operator, as in 'tcp.port = 443'";
    return fail_at(token.span, fmt::format("expected a protocol or a field, found {}", quoted(token.text)),
                   std::move(hint));
  }

  std::vector<Token> tokens_;
  std::size_t position_ = 0;
  unsigned nesting_ = 0;
};

}  // namespace

std::expected<Node, FilterError> parse_text(std::string_view text) {
  if (text.size() > max_text)
    return fail_at({max_text, 1}, fmt::format("filter is longer than {} bytes", max_text),
                   "split it into several subscriptions");
  auto tokens = tokenize(text);
  if (!tokens) return std::unexpected(std::move(tokens.error()));
  return Parser(std::move(*tokens)).run();
}

}  // namespace iris::filter
