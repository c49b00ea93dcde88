#include "daemon/conn/evaluator.hpp"

#include <bit>

namespace iris::conn {

void Evaluator::use(const Merged& merged) {
  merged_ = &merged;
  straight_ = merged.straight.get();
  found_.resize(merged.plan->predicates.size());
}

std::span<const plan::PredicateId> Evaluator::ids_of(const codegen::Straight::Step& step, std::uint64_t bits) noexcept {
  std::size_t count = 0;
  for (; bits != 0; bits &= bits - 1) found_[count++] = step.ids[static_cast<std::size_t>(std::countr_zero(bits))];
  return std::span(found_).first(count);
}

Truths Evaluator::find(const codegen::Straight::Step* step, abi::Evaluate evaluate, abi::Facts& facts) noexcept {
  const bool straight = step != nullptr;
  if (straight ? step->find == nullptr : evaluate == nullptr) return {};
  facts.worker = worker_;
  abi::Matches found{found_.data(), 0, static_cast<std::uint32_t>(found_.size())};
  const LookingUp looking_up(meter_, tally_, facts);
  if (straight) {
    Truths truths(step->find(&facts, merged_->families.data(), tally_.evaluations(), &found));
    if (!step->ids.empty()) truths.ids = ids_of(*step, truths.bits);
    return truths;
  }
  evaluate(&facts, merged_->families.data(), tally_.evaluations(), &found);
  return Truths(std::span(found_).first(found.count));
}

}  // namespace iris::conn
