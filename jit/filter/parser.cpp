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
  bool negated = false;
  bool bytes = false;
};

std::optional<Comparison> comparison(TokenKind kind) {
  switch (kind) {
    case TokenKind::equal:
      return Comparison{Relation::equal};
    case TokenKind::not_equal:
      return Comparison{Relation::equal, true};
    case TokenKind::less:
      return Comparison{Relation::less};
    case TokenKind::less_equal:
      return Comparison{Relation::less_equal};
    case TokenKind::greater:
      return Comparison{Relation::greater};
    case TokenKind::greater_equal:
      return Comparison{Relation::greater_equal};
    case TokenKind::in:
      return Comparison{Relation::in};
    case TokenKind::contains:
      return Comparison{Relation::contains};
    case TokenKind::starts_with:
      return Comparison{Relation::starts_with};
    case TokenKind::ends_with:
      return Comparison{Relation::ends_with};
    case TokenKind::under:
      return Comparison{Relation::under};
    case TokenKind::matches:
      return Comparison{Relation::matches};
    case TokenKind::not_matches:
      return Comparison{Relation::matches, true};
    case TokenKind::matches_bytes:
      return Comparison{Relation::matches, false, true};
    case TokenKind::not_matches_bytes:
      return Comparison{Relation::matches, true, true};
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
    if (++nesting_ > max_nesting) return too_deep(token.span);
    advance();
    Result node = token.kind == TokenKind::logical_not ? negation() : parenthesised(token.span);
    --nesting_;
    if (!node || token.kind == TokenKind::left_paren) return node;
    const Span span = join(token.span, node->span);
    Node negated{.kind = Node::Kind::negation, .test = {}, .children = {}, .span = span};
    negated.children.push_back(std::move(*node));
    return negated;
  }

  static Result too_deep(const Span& span) {
    return fail_at(span, fmt::format("nested more than {} deep", max_nesting), "simplify the filter");
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

  [[nodiscard]] TokenKind following() const {
    return position_ + 1 < tokens_.size() ? tokens_[position_ + 1].kind : TokenKind::end;
  }

  Result test() {
    const Token& name = current();
    if (name.kind != TokenKind::name) return unexpected_operand();
    if (following() == TokenKind::left_paren) return function();
    if (at_file()) return file_of_filters();
    advance();
    Node node{.kind = Node::Kind::test, .test = {}, .children = {}, .span = name.span};
    node.test.name = name.text;
    node.test.name_span = name.span;
    if (auto error = comparison(node.test, false)) return std::unexpected(std::move(*error));
    node.span = join(name.span, tokens_[position_ - 1].span);
    return node;
  }

  // Relation and operand, where there is one or must be one.
  std::optional<FilterError> comparison(Test& test, bool needed) {
    const bool negated = current().kind == TokenKind::logical_not;
    if (!negated && !filter::comparison(current().kind)) {
      if (!needed) return std::nullopt;
      return fail_at(current().span, fmt::format("expected an operator after {}", quoted(test.name)),
                     fmt::format("as in any({} = …)", test.name))
          .error();
    }
    const Token& relation = negated ? (advance(), current()) : current();
    const auto found = filter::comparison(relation.kind);
    if (!found || (negated && (found->negated || found->relation < Relation::in))) {
      const std::string hint = relation.kind == TokenKind::name
                                   ? "join two conditions by 'and not'"
                                   : fmt::format("to negate a comparison, write 'not' before {}", quoted(test.name));
      return fail_at(relation.span, "expected 'in', 'contains', 'matches' or the like after 'not'", hint).error();
    }
    advance();
    test.relation = found->relation;
    test.negated = negated || found->negated;
    test.bytes = found->bytes;
    test.relation_span = relation.span;
    return operands(test, relation);
  }

  // ---- what is written like a function

  Result function() {
    const Token& name = current();
    if (name.text == "any") return quantified(Function::any);
    if (name.text == "all") return quantified(Function::all);
    if (name.text == "len") return length();
    if (name.text == "sample") return sample();
    if (name.text == "none") return none();
    return fail_at(name.span, fmt::format("unknown function {}", quoted(name.text)),
                   "there are any(…), all(…), len(…), none(…), sample(…)");
  }

  std::optional<FilterError> expect(TokenKind kind, const Span& open, std::string_view what) {
    if (current().kind == kind) {
      advance();
      return std::nullopt;
    }
    if (current().kind == TokenKind::end && kind == TokenKind::right_paren)
      return fail_at(open, "'(' is never closed").error();
    return fail_at(current().span, current().kind == TokenKind::end
                                       ? fmt::format("expected {}, found the end", what)
                                       : fmt::format("expected {}, found {}", what, quoted(current().text)))
        .error();
  }

  // The function's name and the bracket behind it are passed, and a field's name.
  Result begin_of_field(Function function, Span& open) {
    const Token& name = advance();
    open = advance().span;
    const Token& field = current();
    if (auto error = expect(TokenKind::name, open, "a field")) return std::unexpected(std::move(*error));
    Node node{.kind = Node::Kind::test, .test = {}, .children = {}, .span = name.span};
    node.test.function = function;
    node.test.name = field.text;
    node.test.name_span = field.span;
    return node;
  }

  Result quantified(Function function) {
    Span open;
    Result node = begin_of_field(function, open);
    if (!node) return node;
    if (auto error = comparison(node->test, true)) return std::unexpected(std::move(*error));
    const Span last = current().span;
    if (auto error = expect(TokenKind::right_paren, open, "')'")) return std::unexpected(std::move(*error));
    node->span = join(node->span, last);
    return node;
  }

  Result length() {
    Span open;
    Result node = begin_of_field(Function::length, open);
    if (!node) return node;
    if (auto error = expect(TokenKind::right_paren, open, "')'")) return std::unexpected(std::move(*error));
    if (auto error = comparison(node->test, false)) return std::unexpected(std::move(*error));
    node->span = join(node->span, tokens_[position_ - 1].span);
    return node;
  }

  Result sample() {
    Node node{.kind = Node::Kind::sample, .test = {}, .children = {}, .span = advance().span};
    const Span open = advance().span;
    node.test.name_span = node.span;
    if (auto error = value(node.test, "in 'sample('")) return std::unexpected(std::move(*error));
    const Span last = current().span;
    if (auto error = expect(TokenKind::right_paren, open, "')'")) return std::unexpected(std::move(*error));
    node.span = join(node.span, last);
    return node;
  }

  Result none() {
    Node node{.kind = Node::Kind::none, .test = {}, .children = {}, .span = advance().span};
    if (++nesting_ > max_nesting) return too_deep(node.span);
    const Span open = advance().span;
    Result inner = parenthesised(open);
    --nesting_;
    if (!inner) return inner;
    node.span = join(node.span, inner->span);
    node.children.push_back(std::move(*inner));
    return node;
  }

  // ---- values

  [[nodiscard]] bool at_file() const {
    return current().kind == TokenKind::name && current().text == "file" && following() == TokenKind::equal;
  }

  std::expected<Value, FilterError> file() {
    const Span begin = advance().span;
    advance();
    const Token& name = current();
    const auto* text = name.kind == TokenKind::value ? std::get_if<Text>(&name.value) : nullptr;
    if (text == nullptr || !text->flags.empty())
      return fail_at(name.span, "expected a file's name in quotes", "as in file='hosts.txt'");
    advance();
    return Value{FileName{text->bytes}, join(begin, name.span)};
  }

  Result file_of_filters() {
    auto named = file();
    if (!named) return std::unexpected(std::move(named.error()));
    Node node{.kind = Node::Kind::file, .test = {}, .children = {}, .span = named->span};
    node.test.values.push_back(std::move(*named));
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
    if (at_file()) {
      auto named = file();
      if (!named) return std::move(named.error());
      test.values.push_back(std::move(*named));
      return std::nullopt;
    }
    const bool word = token.kind == TokenKind::name || token.kind == TokenKind::in;  // `dns.qclass = IN`
    if (token.kind == TokenKind::value || word) {
      advance();
      test.values.push_back({word ? Written(Word{token.text}) : token.value, token.span});
      return std::nullopt;
    }
    if (token.kind == TokenKind::end) return fail_at(token.span, fmt::format("expected a value {}", where)).error();
    return fail_at(token.span, fmt::format("expected a value {}, found {}", where, quoted(token.text))).error();
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
