// The distinct literals of one filter by number, and what holds between them whatever the traffic is.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "jit/filter/ast.hpp"
#include "jit/filter/operands.hpp"

namespace iris::filter {

// A predicate's number times two; plus one when it is negated.
using LiteralId = std::uint32_t;

constexpr bool is_negated(LiteralId id) { return (id & 1U) != 0; }
constexpr LiteralId opposite(LiteralId id) { return id ^ 1U; }
constexpr LiteralId positive(LiteralId id) { return id & ~1U; }

class Literals {
 public:
  explicit Literals(Subject subject) : subject_(subject) {}

  // `span` is where the text says so; the first of several is kept.
  LiteralId add(const Literal& literal, const Span& span);

  [[nodiscard]] Literal literal(LiteralId id) const;
  [[nodiscard]] const Predicate& predicate(LiteralId id) const { return *at(id).predicate; }
  [[nodiscard]] const Span& span(LiteralId id) const { return at(id).spans[id & 1U]; }
  // A positive literal's protocol, what that runs over, and so on: positive literals, without `id` itself.
  [[nodiscard]] const std::vector<LiteralId>& implied(LiteralId id) const { return at(id).implied; }
  // The literal for whose sake `id` came to be, where the text does not name it; else `id`.
  [[nodiscard]] LiteralId cause(LiteralId id) const { return is_negated(id) ? id : at(id).cause; }

  // Whenever literal `a` is true, so is `b`. False means "not known".
  [[nodiscard]] bool implies(LiteralId a, LiteralId b) const;
  // Literals `a` and `b` are never true together. False means "not known".
  [[nodiscard]] bool excludes(LiteralId a, LiteralId b) const;

 private:
  struct Entry {
    const Predicate* predicate = nullptr;  // the key in numbers_
    std::vector<Interval> intervals;
    std::vector<LiteralId> implied;
    Span spans[2];         // of the literal and of its negation
    LiteralId cause = 0;   // positive
    bool written = false;  // in the text, not only implied
  };

  [[nodiscard]] const Entry& at(LiteralId id) const { return entries_[id / 2]; }
  LiteralId intern(const Predicate& predicate);
  [[nodiscard]] bool predicate_implies(LiteralId a, LiteralId b) const;
  [[nodiscard]] bool disjoint(LiteralId a, LiteralId b) const;

  const Subject subject_;
  std::map<Predicate, LiteralId> numbers_;
  std::vector<Entry> entries_;
};

}  // namespace iris::filter
