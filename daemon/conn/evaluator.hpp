// Finds what is true at an event, by the code of a pipeline.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "daemon/conn/meter.hpp"
#include "daemon/conn/pipeline.hpp"
#include "daemon/conn/tally.hpp"

namespace iris::conn {

// The true predicates of a level.
struct Truths {
  Truths() = default;
  Truths(std::span<const plan::PredicateId> found)  // NOLINT(google-explicit-constructor): it is that
      : ids(found) {}
  explicit Truths(std::uint64_t found) : bits(found) {}

  std::span<const plan::PredicateId> ids;  // ascending
  std::uint64_t bits = 0;                  // instead, for straight-line code; then `ids` are there where none(…) asks
};

// One a worker and kind of subject; used by its thread only.
class Evaluator {
 public:
  // `meter` and `tally` outlive it.
  Evaluator(std::uint32_t worker, Meter& meter, Tally& tally) : worker_(worker), meter_(meter), tally_(tally) {}

  // From now on. `merged` outlives its use.
  void use(const Merged& merged);

  // As abi::Facts says which of them matter. The result is valid until the next call.
  [[nodiscard]] Truths of_tuple(abi::Facts facts) noexcept {
    return find(straight_ == nullptr ? nullptr : &straight_->tuple, merged_->dispatch->tuple, facts);
  }
  [[nodiscard]] Truths of_protocol(abi::Facts facts) noexcept {
    return find(straight_ == nullptr ? nullptr : &straight_->protocol, merged_->dispatch->protocol, facts);
  }
  [[nodiscard]] Truths of_session(abi::Facts facts) noexcept {
    return find(straight_ == nullptr ? nullptr : &straight_->session[facts.protocol],
                merged_->dispatch->session[facts.protocol], facts);
  }

 private:
  [[nodiscard]] std::span<const plan::PredicateId> ids_of(const codegen::Straight::Step& step,
                                                          std::uint64_t bits) noexcept;
  [[nodiscard]] Truths find(const codegen::Straight::Step* step, abi::Evaluate evaluate, abi::Facts& facts) noexcept;

  const std::uint32_t worker_;
  Meter& meter_;
  Tally& tally_;
  const Merged* merged_ = nullptr;
  const codegen::Straight* straight_ = nullptr;
  std::vector<plan::PredicateId> found_;
};

}  // namespace iris::conn
