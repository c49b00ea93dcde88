// The planner's predicates: each is one whoever asks for it, is kept as long as somebody does, and lies in the index of
// its family if that answers it.
#include "jit/plan/predicates.hpp"

#include <algorithm>
#include <utility>

#include "jit/filter/some_session.hpp"
#include "jit/plan/planner.hpp"

namespace iris::plan {

std::uint32_t protocol_of(const filter::Predicate& predicate) {
  if (predicate.field->level != parsers::Level::session) return 0;
  return parsers::protocol_number(filter::protocol_of(*predicate.field));
}

std::optional<PredicateId> Planner::number_of(const filter::Predicate& predicate) const {
  const auto [begin, end] = predicate_ids_.equal_range(filter::hash(predicate));
  const auto known =
      std::find_if(begin, end, [&](const auto& entry) { return *predicates_[entry.second].predicate == predicate; });
  return known == end ? std::nullopt : std::optional(known->second);
}

// In use from now on, by nobody yet.
PredicateId Planner::intern(const filter::Predicate& predicate) {
  if (const auto known = number_of(predicate)) return *known;
  PredicateId id = 0;
  if (free_predicates_.empty()) {
    id = static_cast<PredicateId>(predicates_.size());
    predicates_.emplace_back();
    plan_.predicates.grow(predicates_.size());
  } else {
    id = free_predicates_.back();
    free_predicates_.pop_back();
  }
  predicates_[id].predicate = std::make_shared<const filter::Predicate>(predicate);
  plan_.predicates.edit(id) = predicates_[id].predicate;
  predicate_ids_.emplace(filter::hash(predicate), id);
  return id;
}

Result<void> Planner::use_parts(const filter::SomeSession& some) {
  SomeSession used{&some.field(), parsers::protocol_number(some.protocol().name), {}};
  for (const filter::Literal& literal : some.clause()) {
    const PredicateId id = intern(literal.predicate);
    if (auto done = use(id, true); !done) {
      for (const SomeSession::Part& part : used.parts) disuse(part.predicate, true);
      return done;
    }
    used.parts.push_back({id, literal.negated});
  }
  some_sessions_[used.field] = std::move(used);
  plan_.some_sessions = nullptr;
  return {};
}

void Planner::disuse_parts(const filter::SomeSession& some) {
  const auto found = some_sessions_.find(&some.field());
  for (const SomeSession::Part& part : found->second.parts) disuse(part.predicate, true);
  some_sessions_.erase(found);
  plan_.some_sessions = nullptr;
}

Result<void> Planner::use(PredicateId id, bool lookup) {
  if (const auto some = predicates_[id].predicate->some_session; some != nullptr && predicates_[id].users == 0) {
    if (auto done = use_parts(*some); !done) {
      forget_predicate(id);
      return done;
    }
  }
  PredicateDraft& draft = predicates_[id];
  ++draft.users;
  if (!lookup || draft.lookups++ != 0) return {};
  const filter::Predicate& predicate = *draft.predicate;
  const FamilyKey key{predicate.field->level, protocol_of(predicate), predicate.field, predicate.op};
  const auto found = family(key);
  Result<void> added;
  if (found) {
    added = (*found)->builder->add(draft.predicate, id);
  } else {
    added = std::unexpected(found.error());
  }
  if (added) {
    ++(*found)->predicates;
    (*found)->index = nullptr;
    return {};
  }
  if (found && (*found)->predicates == 0) drop(families_.find(key));
  --draft.lookups;
  disuse(id, false);
  return added;
}

Result<Planner::FamilyDraft*> Planner::family(const FamilyKey& key) {
  if (const auto known = families_.find(key); known != families_.end()) return &known->second;
  const auto number = static_cast<std::size_t>(std::ranges::find(family_numbers_, false) - family_numbers_.begin());
  if (number == max_families) {
    return fail(ErrorCode::exhausted, "live filters ask for " + std::to_string(max_families) +
                                          " combinations of a field and an operator, which is as many as can be");
  }
  auto builder = index::make_builder(*key.field, key.op, workers_);
  if (!builder) return std::unexpected(builder.error());
  if (number == family_numbers_.size()) family_numbers_.push_back(false);
  family_numbers_[number] = true;
  plan_.new_families.push_back(static_cast<std::uint32_t>(number));
  FamilyDraft& added = families_[key];
  added.builder = std::move(*builder);
  added.number = number;
  added.serial = ++family_serial_;
  return &added;
}

void Planner::drop(std::map<FamilyKey, FamilyDraft>::iterator family) {
  family_numbers_[family->second.number] = false;
  families_.erase(family);
}

void Planner::disuse(PredicateId id, bool lookup) {
  PredicateDraft& draft = predicates_[id];
  const filter::Predicate& predicate = *draft.predicate;
  if (lookup && --draft.lookups == 0) {
    const auto family = families_.find({predicate.field->level, protocol_of(predicate), predicate.field, predicate.op});
    family->second.builder->remove(predicate, id);
    family->second.index = nullptr;
    if (--family->second.predicates == 0) drop(family);
  }
  if (--draft.users != 0) return;
  const auto some = predicate.some_session;
  forget_predicate(id);
  if (some != nullptr) disuse_parts(*some);
}

// That nobody uses.
void Planner::forget_predicate(PredicateId id) {
  const auto [begin, end] = predicate_ids_.equal_range(filter::hash(*predicates_[id].predicate));
  predicate_ids_.erase(std::find_if(begin, end, [id](const auto& entry) { return entry.second == id; }));
  predicates_[id] = {};
  plan_.predicates.edit(id) = nullptr;
  free_predicates_.push_back(id);
}

std::optional<Planner::Tidying> Planner::tidy() {
  for (auto& [key, family] : families_) {
    if (auto work = family.builder->tidy()) return Tidying{family.serial, std::move(work)};
  }
  return std::nullopt;
}

bool Planner::finish(const Tidying& tidying) {
  for (auto& [key, family] : families_) {
    if (family.serial != tidying.family) continue;
    if (!family.builder->finish(*tidying.work)) return false;
    family.index = nullptr;
    return true;
  }
  return false;
}

std::vector<Family> Planner::families() const {
  std::vector<Family> all(family_numbers_.size());
  for (const auto& [key, family] : families_) all[family.number] = {key.field, key.op, family.index};
  return all;
}

std::optional<std::uint32_t> Planner::family_of(PredicateId id) const {
  const filter::Predicate& predicate = *predicates_[id].predicate;
  const auto family = families_.find({predicate.field->level, protocol_of(predicate), predicate.field, predicate.op});
  if (family == families_.end()) return std::nullopt;
  return static_cast<std::uint32_t>(family->second.number);
}

std::size_t Planner::predicates_of(std::uint32_t number) const {
  const auto family = std::ranges::find_if(families_, [&](const auto& entry) { return entry.second.number == number; });
  return family == families_.end() ? 0 : family->second.predicates;
}

}  // namespace iris::plan
