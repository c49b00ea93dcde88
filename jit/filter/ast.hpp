// What the parser makes of a filter's text: names and values as written, before anybody asks what they mean.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
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

// ---- values -----------------------------------------------------------------------------------------------------

// 443, 0x1bb, 1.5s, 10k, 1%: `digits` without the point, `decimals` of them behind it.
struct Quantity {
  std::uint64_t digits = 0;
  unsigned decimals = 0;
  std::string_view unit;  // points into the text; may be empty
};
struct QuantityRange {
  Quantity first;
  Quantity last;
};
// 'abc', 'abc'i, |61 62 63|.
struct Text {
  std::string bytes;
  bool in_hexadecimal = false;
  std::string_view flags;  // letters behind the closing quote; points into the text
};
struct Mac {
  std::uint64_t number = 0;
};
// A name where a value stands: `dns.qtype = AAAA`.
struct Word {
  std::string_view text;
};
// file='hosts.txt'
struct FileName {
  std::string name;
};
using Written = std::variant<Quantity, QuantityRange, IpAddress, Subnet, Text, Mac, Word, FileName>;

struct Value {
  Written written;
  Span span;
};

// ---- tests and what joins them ----------------------------------------------------------------------------------

enum class Relation : std::uint8_t {
  present,  // a name alone: a protocol, or a field that is there
  equal,
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
};

// What is asked about the field.
enum class Function : std::uint8_t {
  none,    // its value
  any,     // any(f = v)
  all,     // all(f = v)
  length,  // len(f) = v
};

// `tls.sni not in {'a', 'b'}`.
struct Test {
  std::string_view name;  // points into the text
  Span name_span;
  Function function = Function::none;
  Relation relation = Relation::present;
  bool negated = false;  // `!=`, `not in`, …: the field is present and the relation does not hold
  bool set = false;      // the values stand in braces
  bool bytes = false;    // `~b`
  Span relation_span;
  std::vector<Value> values;
};

struct Node {
  enum class Kind : std::uint8_t {
    test,
    sample,  // sample(…): the one value of `test`
    file,    // file='…': the one value of `test`
    none,    // none(…)
    negation,
    conjunction,
    disjunction
  };

  Kind kind = Kind::conjunction;
  Test test;                   // test, sample, file
  std::vector<Node> children;  // the others; a conjunction without any is always true
  Span span;
};

}  // namespace iris::filter
