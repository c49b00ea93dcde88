// Host tables that a plan looks values up in: one index for each family of predicates (field × operator). Generated
// code calls the look-up of the index's kind, inlined from jit/runtime; it appends the numbers of all predicates that
// hold for a value.
//
// A Builder follows the predicates that come and go and makes versions; a version never changes. Successive versions
// share nearly all of their memory, so one more value among ten thousand costs microseconds.
#pragma once

#include <cstdint>
#include <memory>

#include "jit/abi/result.hpp"
#include "jit/filter/filter.hpp"

namespace iris::index {

class Index {
 public:
  virtual ~Index() = default;
  // What abi::Family::index points to. Lives as long as the index.
  [[nodiscard]] virtual const void* table() const noexcept = 0;
};

using PredicatePtr = std::shared_ptr<const filter::Predicate>;

// Work that makes look-ups cheaper and takes long, done beside the changes that come meanwhile.
class Tidying {
 public:
  virtual ~Tidying() = default;
  // Once. Thread: any; it touches no builder.
  virtual void work() = 0;
};

// Thread: one at a time. All predicates are of the family that it was made for.
class Builder {
 public:
  virtual ~Builder() = default;
  // `id` is not in use. Fails, and changes nothing, with ErrorCode::invalid when a regular expression is not one (its
  // text and the library's reason are in the message).
  [[nodiscard]] virtual Result<void> add(const PredicatePtr& predicate, std::uint32_t id) = 0;
  // As it was added.
  virtual void remove(const filter::Predicate& predicate, std::uint32_t id) = 0;
  // What is there now. Fails only for want of memory; the builder is as before then.
  [[nodiscard]] virtual Result<std::shared_ptr<const Index>> snapshot() = 0;

  // nullptr: there is nothing to tidy.
  [[nodiscard]] virtual std::unique_ptr<Tidying> tidy() { return nullptr; }
  // Takes over what the builder's work has made. Returns whether the next snapshot is another for it: what has changed
  // meanwhile may have made it useless.
  virtual bool finish(Tidying& /*tidying*/) { return false; }
};

// `workers` threads look up concurrently, numbered from 0. Fails with ErrorCode::internal when no index serves the
// operator on the field's type, and with ErrorCode::unavailable when this processor lacks what Hyperscan needs.
[[nodiscard]] Result<std::unique_ptr<Builder>> make_builder(const parsers::Field& field, filter::Operator op,
                                                            std::uint32_t workers);

}  // namespace iris::index
