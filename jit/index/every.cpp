// all(f op v): each element is looked up as if it were a field by itself, and what is true of all of them remains.
#include <algorithm>
#include <cassert>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "jit/index/builders.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {

struct Every {
  using Numbers = std::vector<std::uint32_t>;

  std::shared_ptr<const Index> inner;
  void (*lookup)(const void* table, const void* elements, std::size_t index, const Answer& answer) noexcept = nullptr;
  std::uint32_t predicates = 0;
  std::shared_ptr<std::vector<Numbers>> rooms;  // one a worker: what is true of one element
};

namespace {

template <class Number>
void number(const void* table, const void* elements, std::size_t index, const Answer& answer) noexcept {
  lookup(*static_cast<const Blocks*>(table), static_cast<const Number*>(elements)[index], answer);
}
template <class Table>
void text(const void* table, const void* elements, std::size_t index, const Answer& answer) noexcept {
  lookup(*static_cast<const Table*>(table), static_cast<const std::string_view*>(elements)[index], answer);
}

decltype(Every::lookup) lookup_of(const parsers::Field& field, filter::Operator op) {
  if (field.type == parsers::FieldType::number) {
    switch (field.width) {
      case 1:
        return number<std::uint8_t>;
      case 2:
        return number<std::uint16_t>;
      case 4:
        return number<std::uint32_t>;
      default:
        return number<std::uint64_t>;
    }
  }
  switch (op) {
    case filter::Operator::one_of:
      return text<Texts>;
    case filter::Operator::starts_with:
    case filter::Operator::ends_with:
    case filter::Operator::under:
      return text<Affixes>;
    default:
      return text<TextScan>;
  }
}

class EveryBuilder final : public Builder {
 public:
  EveryBuilder(decltype(Every::lookup) lookup, std::uint32_t workers, std::unique_ptr<Builder> inner)
      : inner_(std::move(inner)), lookup_(lookup), workers_(workers) {}

  Result<void> add(const PredicatePtr& predicate, std::uint32_t id) override {
    auto added = inner_->add(predicate, id);
    if (added) ++predicates_;
    return added;
  }
  void remove(const filter::Predicate& predicate, std::uint32_t id) override {
    inner_->remove(predicate, id);
    --predicates_;
  }
  Result<std::shared_ptr<const Index>> snapshot() override {
    auto inner = inner_->snapshot();
    if (!inner) return inner;
    auto rooms = std::make_shared<std::vector<Every::Numbers>>(workers_, Every::Numbers(predicates_));
    return make_version(Every{std::move(*inner), lookup_, predicates_, std::move(rooms)}, nullptr);
  }
  std::unique_ptr<Tidying> tidy() override { return inner_->tidy(); }
  bool finish(Tidying& tidying) override { return inner_->finish(tidying); }

 private:
  std::unique_ptr<Builder> inner_;
  decltype(Every::lookup) lookup_;
  std::uint32_t workers_;
  std::uint32_t predicates_ = 0;
};

}  // namespace

std::unique_ptr<Builder> make_every_builder(const parsers::Field& field, filter::Operator op, std::uint32_t workers,
                                            std::unique_ptr<Builder> inner) {
  return std::make_unique<EveryBuilder>(lookup_of(field, op), workers, std::move(inner));
}

}  // namespace iris::index

extern "C" void iris_index_every(const iris::index::Every* table, const void* list,
                                 const iris::index::Answer* answer) noexcept {
  using namespace iris::index;
  const auto elements = *static_cast<const std::span<const char>*>(list);  // of whatever: its pointer and its size
  assert(!elements.empty() && answer->worker < table->rooms->size());
  const void* inner = table->inner->table();
  Every::Numbers& room = (*table->rooms)[answer->worker];

  table->lookup(inner, elements.data(), 0, *answer);
  std::uint32_t* const first = answer->matches->ids + answer->first;
  std::uint32_t* last = answer->matches->ids + answer->matches->count;
  sort(first, static_cast<std::uint32_t>(last - first));
  for (std::size_t i = 1; i < elements.size() && first != last; ++i) {
    iris::abi::Matches found{room.data(), 0, table->predicates};
    table->lookup(inner, elements.data(), i, begin(found, answer->worker));
    sort(found.ids, found.count);
    last = std::set_intersection(first, last, found.ids, found.ids + found.count, first);
  }
  answer->matches->count = static_cast<std::uint32_t>(last - answer->matches->ids);
}
