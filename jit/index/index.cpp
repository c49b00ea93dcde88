// Which table serves which kind of predicate.
#include "jit/index/index.hpp"

#include <algorithm>
#include <variant>

#include "jit/index/builders.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

class PresenceIndex final : public Index {
 public:
  explicit PresenceIndex(const Ids& ids) {
    lists_.add(ids);
    table_.lists = lists_.view();
  }
  [[nodiscard]] const void* table() const noexcept override { return &table_; }

 private:
  ListBuilder lists_;
  Presence table_;
};

template <class Value>
bool operands_are(std::span<const Entry> entries) {
  return std::ranges::all_of(entries, [](const Entry& entry) {
    return std::ranges::all_of(entry.predicate->operands,
                               [](const filter::Operand& operand) { return std::holds_alternative<Value>(operand); });
  });
}

template <class Value>
Built checked(std::span<const Entry> entries, Built (*build)(std::span<const Entry>)) {
  if (!operands_are<Value>(entries)) {
    return fail(ErrorCode::internal, "index of '" + std::string(entries.front().predicate->field->name) +
                                         "': an operand is not of the type that its operator takes");
  }
  return build(entries);
}

}  // namespace

Built build_presence(std::span<const Entry> entries) {
  Ids ids;
  for (const Entry& entry : entries) ids.push_back(entry.id);
  normalise(ids);
  return std::make_unique<PresenceIndex>(ids);
}

Built build(std::span<const Entry> entries, std::uint32_t workers) {
  using enum filter::Operator;
  using enum parsers::FieldType;
  if (entries.empty()) return fail(ErrorCode::internal, "an index of no predicates");
  const filter::Predicate& like = *entries.front().predicate;
  const bool same = std::ranges::all_of(entries, [&](const Entry& entry) {
    return entry.predicate->field == like.field && entry.predicate->op == like.op;
  });
  if (!same) return fail(ErrorCode::internal, "an index of predicates of several families");

  const parsers::FieldType type = like.field->type;
  if (like.op == present) return build_presence(entries);
  if (type == number && like.op == one_of) return checked<std::uint64_t>(entries, build_number_set);
  if (type == number && like.op == in_range) return checked<filter::Range>(entries, build_number_ranges);
  if (type == address && like.op == one_of) return checked<IpAddress>(entries, build_address_set);
  if (type == address && like.op == in_subnet) return checked<Subnet>(entries, build_subnets);
  if (type == text && like.op == one_of) return checked<std::string>(entries, build_text_set);
  if (type == text && (like.op == contains || like.op == matches) && operands_are<std::string>(entries)) {
    return build_text_scan(entries, workers);
  }
  return fail(ErrorCode::internal, "no index serves operator " + std::to_string(static_cast<int>(like.op)) +
                                       " on the type of field '" + std::string(like.field->name) + "'");
}

}  // namespace iris::index

extern "C" void iris_index_sort(std::uint32_t* ids, std::uint32_t count) noexcept {
  std::ranges::sort(ids, ids + count);
}
