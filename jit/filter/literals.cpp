#include "jit/filter/literals.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "jit/filter/affixes.hpp"
#include "jit/filter/names.hpp"

namespace iris::filter {
namespace {

// What a predicate needs directly: its field's protocol, and where it is a protocol's presence, what that runs over.
std::vector<Predicate> needs(const Predicate& predicate, Subject subject) {
  std::vector<Predicate> result;
  const auto add = [&](const parsers::Protocol* protocol) {
    if (protocol == nullptr) return;
    if (auto needed = presence(*protocol, subject); needed && *needed != predicate)
      result.push_back(std::move(*needed));
  };
  add(owner(*predicate.field));
  if (const auto* protocol = presence_of(predicate); protocol != nullptr && !protocol->implies.empty())
    add(parsers::find_protocol(protocol->implies));
  return result;
}

}  // namespace

LiteralId Literals::intern(const Predicate& predicate) {
  const auto [found, added] = numbers_.try_emplace(predicate, static_cast<LiteralId>(2 * entries_.size()));
  const LiteralId id = found->second;
  if (!added) return id;
  Entry entry;
  entry.predicate = &found->first;
  entry.intervals = intervals(predicate);
  entry.cause = id;
  entries_.push_back(std::move(entry));
  std::vector<LiteralId> implied;
  for (const Predicate& needed : needs(predicate, subject_)) {
    const LiteralId direct = intern(needed);
    implied.push_back(direct);
    std::ranges::copy(this->implied(direct), std::back_inserter(implied));
  }
  std::ranges::sort(implied);
  const auto rest = std::ranges::unique(implied);
  implied.erase(rest.begin(), rest.end());
  entries_[id / 2].implied = std::move(implied);
  return id;
}

LiteralId Literals::add(const Literal& literal, const Span& span) {
  const LiteralId id = intern(literal.predicate);
  const LiteralId result = literal.negated ? opposite(id) : id;
  if (Span& known = entries_[id / 2].spans[result & 1U]; known.length == 0) known = span;
  if (literal.negated) return result;
  entries_[id / 2].cause = id;
  entries_[id / 2].written = true;
  for (const LiteralId needed : implied(id)) {
    Entry& entry = entries_[needed / 2];
    if (entry.spans[0].length == 0) entry.spans[0] = span;
    if (!entry.written && entry.cause == needed) entry.cause = id;
  }
  return result;
}

Literal Literals::literal(LiteralId id) const { return {predicate(id), is_negated(id)}; }

bool Literals::predicate_implies(LiteralId a, LiteralId b) const {
  if (a == b || std::ranges::binary_search(at(a).implied, b)) return true;
  const Predicate& general = predicate(b);
  if (predicate(a).field != general.field) return false;
  if (general.op == Operator::present) return true;
  if (!at(a).intervals.empty() && covers(at(b).intervals, at(a).intervals)) return true;
  return text_implies(predicate(a), general);
}

bool Literals::disjoint(LiteralId a, LiteralId b) const {
  const parsers::Field& field = *predicate(a).field;
  if (&field != predicate(b).field) return false;
  // One of two ends, or of several elements, may be in each.
  const bool several = field.alternatives != 1 || (field.list && field.part == parsers::Part::value);
  if (several) return false;
  if (at(a).intervals.empty() || at(b).intervals.empty()) return texts_exclude(predicate(a), predicate(b));
  return !overlap(at(a).intervals, at(b).intervals);
}

bool Literals::excludes(LiteralId a, LiteralId b) const {
  if (is_negated(a) && is_negated(b)) return false;
  if (is_negated(a)) return predicate_implies(b, opposite(a));
  if (is_negated(b)) return predicate_implies(a, opposite(b));
  return disjoint(a, b);
}

bool Literals::implies(LiteralId a, LiteralId b) const {
  if (is_negated(b)) {
    if (is_negated(a)) return predicate_implies(opposite(b), opposite(a));
    // b's predicate, or something that it needs, cannot be where `a` is.
    const LiteralId denied = opposite(b);
    return disjoint(a, denied) || std::ranges::any_of(implied(denied), [&](LiteralId n) { return disjoint(a, n); });
  }
  return !is_negated(a) && predicate_implies(a, b);
}

}  // namespace iris::filter
