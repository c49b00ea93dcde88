#include "jit/filter/normal.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "jit/filter/literals.hpp"
#include "jit/filter/names.hpp"

namespace iris::filter {
namespace {

// Sorted, distinct, closed under what its positive literals need.
struct Conjunction {
  std::vector<LiteralId> literals;
  std::uint64_t signature = 0;  // a bit for each literal, modulo 64: most non-subsets differ here already

  static Conjunction of(std::vector<LiteralId> sorted) {
    Conjunction result{std::move(sorted)};
    for (const LiteralId id : result.literals) result.signature |= std::uint64_t{1} << (id % 64);
    return result;
  }
  [[nodiscard]] bool is_part_of(const Conjunction& other) const {
    return (signature & ~other.signature) == 0 && std::ranges::includes(other.literals, literals);
  }
};

// Conjunctions of which none is part of another.
using Disjunction = std::vector<Conjunction>;

// While a product is formed; above max_clauses, because what comes later may cover what came first.
constexpr std::size_t max_working = 4 * max_clauses;

// False when there are too many.
bool add(Disjunction& disjunction, Conjunction conjunction) {
  if (std::ranges::any_of(disjunction, [&](const auto& known) { return known.is_part_of(conjunction); })) return true;
  std::erase_if(disjunction, [&](const auto& known) { return conjunction.is_part_of(known); });
  disjunction.push_back(std::move(conjunction));
  return disjunction.size() <= max_working;
}

class Normaliser {
 public:
  Normaliser(Subject subject, std::vector<FilterWarning>& warnings)
      : subject_(subject), literals_(subject), warnings_(warnings) {}
  std::expected<std::vector<Clause>, FilterError> run(const Expression& expression);

 private:
  using Result = std::expected<Disjunction, FilterError>;

  Result convert(const Expression& expression);
  Result convert_any(const Expression& expression);
  Result convert_alternative(const Expression& alternative);
  // What each child of an `or` became.
  void warn_of_covered(const Expression& expression, const std::vector<Disjunction>& parts);
  Result convert_all(const Expression& expression);
  Result product(const Disjunction& left, const Disjunction& right, const Span& span);
  Conjunction convert_literal(const Expression& expression);

  // nullopt where the two contradict each other.
  std::optional<Conjunction> both(const Conjunction& left, const Conjunction& right);
  [[nodiscard]] std::unexpected<FilterError> never_true() const;

  // Clause by clause: drops negated literals that the others make true and joins the rest, so that a clause does not
  // show how it came to be. Then drops clauses that others cover.
  Result simplify(const Disjunction& disjunction);
  [[nodiscard]] Expression without_redundant(const Conjunction& conjunction) const;
  void drop_covered(Disjunction& disjunction) const;
  [[nodiscard]] bool is_everything(const Disjunction& disjunction) const;
  [[nodiscard]] bool covers(const Conjunction& general, const Conjunction& special) const;
  [[nodiscard]] Clause to_clause(const Conjunction& conjunction) const;

  const Subject subject_;
  Literals literals_;
  std::vector<FilterWarning>& warnings_;
  std::optional<FilterError> conflict_;  // the first
};

std::unexpected<FilterError> too_many(const Span& span) {
  return fail_at(
      span, fmt::format("filter has more than {} alternatives once 'and' is distributed over 'or'", max_clauses),
      "write several values of one field as a set, f in {…}, rather than with 'or'; or split it into several "
      "subscriptions");
}

std::string shortened(std::string text) {
  constexpr std::size_t longest = 64;
  if (text.size() > longest) text.replace(longest, std::string::npos, "...");
  return text;
}

FilterError conflict_of(const Literals& literals, LiteralId a, LiteralId b) {
  if (literals.span(b).offset < literals.span(a).offset) std::swap(a, b);
  const auto text = [&](LiteralId id) { return shortened(to_text(literals.literal(id))); };
  std::string hint;
  for (const LiteralId id : {a, b})
    if (literals.cause(id) != id && hint.empty())
      hint = fmt::format("{} implies {}", text(literals.cause(id)), text(id));
  return fail_at(literals.span(b), fmt::format("can never be true: {} and {} exclude each other", text(a), text(b)),
                 std::move(hint))
      .error();
}

Conjunction Normaliser::convert_literal(const Expression& expression) {
  const LiteralId id = literals_.add(expression.literal, expression.span);
  if (is_negated(id)) return Conjunction::of({id});
  std::vector<LiteralId> closed = literals_.implied(id);
  closed.insert(std::ranges::lower_bound(closed, id), id);
  return Conjunction::of(std::move(closed));
}

std::optional<Conjunction> Normaliser::both(const Conjunction& left, const Conjunction& right) {
  for (const LiteralId a : left.literals)
    for (const LiteralId b : right.literals)
      if (a != b && literals_.excludes(a, b)) {
        if (!conflict_) conflict_ = conflict_of(literals_, a, b);
        return std::nullopt;
      }
  std::vector<LiteralId> merged;
  merged.reserve(left.literals.size() + right.literals.size());
  std::ranges::set_union(left.literals, right.literals, std::back_inserter(merged));
  return Conjunction::of(std::move(merged));
}

Normaliser::Result Normaliser::product(const Disjunction& left, const Disjunction& right, const Span& span) {
  Disjunction result;
  for (const auto& a : left)
    for (const auto& b : right)
      if (auto joined = both(a, b); joined && !add(result, std::move(*joined))) return too_many(span);
  if (result.size() > max_clauses) return too_many(span);
  return result;
}

// One that can never be true is not wrong, but was hardly meant.
Normaliser::Result Normaliser::convert_alternative(const Expression& alternative) {
  const auto before = std::exchange(conflict_, std::nullopt);
  auto part = convert(alternative);
  if (part && part->empty() && conflict_)
    warnings_.push_back(
        {conflict_->offset, conflict_->length, "this alternative " + conflict_->message, conflict_->hint});
  if (before) conflict_ = before;
  return part;
}

void Normaliser::warn_of_covered(const Expression& expression, const std::vector<Disjunction>& parts) {
  const auto is_covered_by = [&](const Disjunction& part, const Disjunction& other) {
    return !part.empty() && std::ranges::all_of(part, [&](const Conjunction& special) {
      return std::ranges::any_of(other, [&](const Conjunction& general) { return covers(general, special); });
    });
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (expression.children[i].implied) continue;
    for (std::size_t j = 0; j < parts.size(); ++j) {
      if (i == j || !is_covered_by(parts[i], parts[j]) || (j > i && is_covered_by(parts[j], parts[i]))) continue;
      const Span& span = expression.children[i].span;
      warnings_.push_back(
          {span.offset, std::max<std::size_t>(span.length, 1), "this alternative adds nothing: another covers it", ""});
      break;
    }
  }
}

Normaliser::Result Normaliser::convert_any(const Expression& expression) {
  if (expression.children.empty() && !conflict_)
    conflict_ = fail_at(expression.span, "can never be true: what is negated here holds for every connection").error();
  Disjunction result;
  std::vector<Disjunction> parts;
  for (const Expression& child : expression.children) {
    auto part = expression.alternatives ? convert_alternative(child) : convert(child);
    if (!part) return part;
    if (expression.alternatives) parts.push_back(*part);
    for (auto& conjunction : *part)
      if (!add(result, std::move(conjunction))) return too_many(expression.span);
  }
  if (result.size() > max_clauses) return too_many(expression.span);
  warn_of_covered(expression, parts);
  return result;
}

Normaliser::Result Normaliser::convert_all(const Expression& expression) {
  Disjunction result{Conjunction{}};
  // What is certain comes first: it shrinks the products.
  for (const bool literal_turn : {true, false})
    for (const Expression& child : expression.children) {
      if ((child.kind == Expression::Kind::literal) != literal_turn) continue;
      auto part = convert(child);
      if (!part) return part;
      auto joined = product(result, *part, expression.span);
      if (!joined) return joined;
      result = std::move(*joined);
    }
  return result;
}

Normaliser::Result Normaliser::convert(const Expression& expression) {
  switch (expression.kind) {
    case Expression::Kind::literal:
      return Disjunction{convert_literal(expression)};
    case Expression::Kind::any:
      return convert_any(expression);
    case Expression::Kind::all:
      return convert_all(expression);
  }
  return Disjunction{};
}

bool Normaliser::covers(const Conjunction& general, const Conjunction& special) const {
  return std::ranges::all_of(general.literals, [&](LiteralId needed) {
    return std::ranges::binary_search(special.literals, needed) ||
           std::ranges::any_of(special.literals, [&](LiteralId known) { return literals_.implies(known, needed); });
  });
}

Expression Normaliser::without_redundant(const Conjunction& conjunction) const {
  auto kept = conjunction.literals;
  for (const LiteralId id : conjunction.literals) {
    if (!is_negated(id)) continue;
    // One at a time, so that of two that imply each other one stays.
    const bool told = std::ranges::any_of(kept, [&](LiteralId k) { return k != id && literals_.implies(k, id); });
    if (told) std::erase(kept, id);
  }
  Expression all{Expression::Kind::all, {}, {}, {}};
  for (const LiteralId id : kept)
    all.children.push_back({Expression::Kind::literal, literals_.literal(id), {}, literals_.span(id)});
  return all;
}

void Normaliser::drop_covered(Disjunction& disjunction) const {
  for (std::size_t i = 0; i < disjunction.size();) {
    bool covered = false;
    for (std::size_t j = 0; j < disjunction.size() && !covered; ++j)
      covered = j != i && covers(disjunction[j], disjunction[i]);
    if (covered)
      disjunction.erase(disjunction.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
}

// `not b or …` is everything where `b` makes one of the others true.
bool Normaliser::is_everything(const Disjunction& disjunction) const {
  return std::ranges::any_of(disjunction, [&](const Conjunction& one) {
    if (one.literals.size() != 1 || !is_negated(one.literals.front())) return false;
    const LiteralId otherwise = opposite(one.literals.front());
    return std::ranges::any_of(disjunction, [&](const Conjunction& other) {
      return std::ranges::all_of(other.literals, [&](LiteralId needed) {
        return needed == otherwise || literals_.implies(otherwise, needed);
      });
    });
  });
}

Normaliser::Result Normaliser::simplify(const Disjunction& disjunction) {
  Disjunction result;
  for (const Conjunction& conjunction : disjunction) {
    // Joined literals can contradict, or make redundant, what the single ones did not.
    auto joined = convert_all(join_literals(without_redundant(conjunction), subject_));
    if (!joined) return joined;
    for (const Conjunction& part : *joined) {
      auto simple = convert_all(without_redundant(part));
      if (!simple) return simple;
      std::ranges::move(*simple, std::back_inserter(result));
    }
  }
  drop_covered(result);
  if (is_everything(result)) return Disjunction{Conjunction{}};
  return result;
}

// By when it is decidable and what it costs; the rest makes the order the same however the text was written.
auto rank(const Literal& literal) {
  const Predicate& predicate = literal.predicate;
  const parsers::Field* field = predicate.field;
  const parsers::Protocol* protocol = owner(*field);
  const parsers::Protocol* present = presence_of(predicate);
  const auto registry = parsers::registry();
  const auto number = [&](const parsers::Protocol* p) { return p == nullptr ? -1 : p - registry.data(); };
  const bool listed = protocol != nullptr && !field->unindexed;
  return std::tuple(field->level, literal.negated, field->unindexed, present == nullptr, number(present),
                    number(protocol), listed ? field - protocol->fields.data() : 0, predicate.op, field->name);
}

Clause Normaliser::to_clause(const Conjunction& conjunction) const {
  Clause clause;
  clause.reserve(conjunction.literals.size());
  for (const LiteralId id : conjunction.literals) clause.push_back(literals_.literal(id));
  std::ranges::sort(clause, [](const Literal& a, const Literal& b) {
    const auto left = rank(a);
    const auto right = rank(b);
    return left != right ? left < right : a.predicate.operands < b.predicate.operands;
  });
  return clause;
}

std::unexpected<FilterError> Normaliser::never_true() const {
  return std::unexpected(conflict_.value_or(FilterError{0, 1, "can never be true", ""}));
}

std::expected<std::vector<Clause>, FilterError> Normaliser::run(const Expression& expression) {
  auto disjunction = convert(expression);
  if (disjunction) disjunction = simplify(*disjunction);
  if (!disjunction) return std::unexpected(std::move(disjunction.error()));
  if (disjunction->empty()) return never_true();
  std::vector<Clause> clauses;
  clauses.reserve(disjunction->size());
  for (const Conjunction& conjunction : *disjunction) clauses.push_back(to_clause(conjunction));
  return clauses;
}

}  // namespace

std::expected<std::vector<Clause>, FilterError> normalise(const Expression& expression, Subject subject,
                                                          std::vector<FilterWarning>& warnings) {
  auto clauses = Normaliser(subject, warnings).run(expression);
  std::ranges::sort(warnings, {}, &FilterWarning::offset);
  return clauses;
}

std::expected<std::vector<Clause>, FilterError> normalise(const Expression& expression, Subject subject) {
  std::vector<FilterWarning> unread;
  return normalise(expression, subject, unread);
}

}  // namespace iris::filter
