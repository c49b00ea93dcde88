#include "daemon/conn/evaluator.hpp"

namespace iris::conn {

void Evaluator::use(const Merged& merged) {
  merged_ = &merged;
  straight_ = merged.straight.get();
  found_.resize(merged.plan->predicates.size());
}

Truths Evaluator::find(const codegen::Straight::Step* step, abi::Evaluate evaluate, abi::Facts& facts) noexcept {
  const bool straight = step != nullptr && step->walk != nullptr;
  if (straight ? step->find == nullptr : evaluate == nullptr) return {};
  facts.worker = worker_;
  abi::Matches found{found_.data(), 0, static_cast<std::uint32_t>(found_.size())};
  const LookingUp looking_up(meter_, tally_, facts);
  if (straight) return Truths(step->find(&facts, merged_->families.data(), tally_.evaluations(), &found));
  evaluate(&facts, merged_->families.data(), tally_.evaluations(), &found);
  return Truths(std::span(found_).first(found.count));
}

}  // namespace iris::conn
