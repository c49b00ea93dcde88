// Host tables that a plan looks values up in: one index for each family of predicates (field × operator). Generated
// code calls the look-up of the index's kind, inlined from jit/runtime; it appends the numbers of all predicates that
// hold for a value. Immutable once built: a new set of predicates is a new index.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "jit/abi/result.hpp"
#include "jit/filter/filter.hpp"

namespace iris::index {

// Predicate `predicate` is known to the plan as `id`.
struct Entry {
  const filter::Predicate* predicate = nullptr;
  std::uint32_t id = 0;
};

class Index {
 public:
  virtual ~Index() = default;
  // What abi::Family::index points to. Lives as long as the index.
  [[nodiscard]] virtual const void* table() const noexcept = 0;
};

// All entries have the same field and operator. `workers` threads look up concurrently, numbered from 0. Fails with
// ErrorCode::invalid when a regular expression is not one (its text and the library's reason are in the message).
[[nodiscard]] Result<std::unique_ptr<const Index>> build(std::span<const Entry> entries, std::uint32_t workers);

}  // namespace iris::index
