// What the parser makes of a filter's text: names and values as written, before anybody asks what they mean.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jit/filter/filter.hpp"

namespace iris::filter {

// A part of the text, in bytes.
struct Span {
  std::size_t offset = 0;
  std::size_t length = 0;

  [[nodiscard]] std::size_t end() const { return offset + length; }
};

// From the beginning of one to the end of the other.
inline Span join(const Span& first, const Span& last) { return {first.offset, last.end() - first.offset}; }

inline std::unexpected<FilterError> fail_at(const Span& span, std::string message, std::string hint = {}) {
  return std::unexpected(
      FilterError{span.offset, span.length == 0 ? 1 : span.length, std::move(message), std::move(hint)});
}

// 'what was written', shortened where it is long, for messages.
[[nodiscard]] std::string quoted(std::string_view written);

struct Value {
  Operand operand;
  Span span;
};

enum class Relation : std::uint8_t {
  present,  // a name alone: a protocol, or a field that is there
  equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  contains,
  matches,
};

// `tls.sni not in {'a', 'b'}`.
struct Test {
  std::string_view name;  // points into the text
  Span name_span;
  Relation relation = Relation::present;
  bool negated = false;  // `!=`, `not in`, …: the field is present and the relation does not hold
  bool set = false;      // the values stand in braces
  Span relation_span;
  std::vector<Value> values;
};

struct Node {
  enum class Kind : std::uint8_t { test, negation, conjunction, disjunction };

  Kind kind = Kind::conjunction;
  Test test;                   // Kind::test
  std::vector<Node> children;  // the others; a conjunction without any is always true
  Span span;
};

}  // namespace iris::filter
