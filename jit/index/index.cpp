// Which table serves which kind of predicate.
#include "jit/index/index.hpp"

#include <algorithm>
#include <atomic>
#include <span>
#include <string>
#include <utility>

#include "jit/index/builders.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

class PresenceBuilder final : public Builder {
 public:
  Result<void> add(const PredicatePtr& /*predicate*/, std::uint32_t id) override {
    add_id(ids_, id);
    return {};
  }
  void remove(const filter::Predicate& /*predicate*/, std::uint32_t id) override { remove_id(ids_, id); }
  Result<std::shared_ptr<const Index>> snapshot() override { return make_version(Presence{ids_}, nullptr); }

 private:
  Ids ids_;
};

std::unique_ptr<Builder> text_builder(filter::Operator op, std::uint32_t workers) {
  using enum filter::Operator;
  switch (op) {
    case one_of:
      return make_text_builder();
    case starts_with:
      return make_affix_builder(Affix::prefix);
    case ends_with:
      return make_affix_builder(Affix::suffix);
    case under:
      return make_affix_builder(Affix::labels);
    case contains:
    case matches:
      return make_scan_builder(op == contains, workers);
    default:
      return nullptr;
  }
}

std::unique_ptr<Builder> builder_for(const parsers::Field& field, filter::Operator op, std::uint32_t workers) {
  using enum filter::Operator;
  if (op == present) return make_presence_builder();
  switch (field.type) {
    case parsers::FieldType::number:
      return op == one_of || op == in_range ? make_number_builder(field.width) : nullptr;
    case parsers::FieldType::address:
      return op == one_of || op == in_subnet ? make_address_builder() : nullptr;
    case parsers::FieldType::text:
      return text_builder(op, workers);
  }
  return nullptr;
}

}  // namespace

void add_id(Ids& ids, std::uint32_t id) {
  if (ids.count == 0) {
    ids.only = id;
  } else if (ids.count == 1) {
    ids.several = std::make_shared<std::vector<std::uint32_t>>(
        std::initializer_list<std::uint32_t>{std::min(ids.only, id), std::max(ids.only, id)});
  } else {
    if (!is_sole(ids.several)) ids.several = std::make_shared<std::vector<std::uint32_t>>(*ids.several);
    ids.several->insert(std::ranges::lower_bound(*ids.several, id), id);
  }
  ++ids.count;
}

void remove_id(Ids& ids, std::uint32_t id) {
  if (--ids.count == 0) return;
  if (ids.count == 1) {
    ids.only = ids.several->front() == id ? ids.several->back() : ids.several->front();
    ids.several = nullptr;
    return;
  }
  if (!is_sole(ids.several)) ids.several = std::make_shared<std::vector<std::uint32_t>>(*ids.several);
  std::erase(*ids.several, id);
}

std::unique_ptr<Builder> make_presence_builder() { return std::make_unique<PresenceBuilder>(); }

Result<std::unique_ptr<Builder>> make_builder(const parsers::Field& field, filter::Operator op, std::uint32_t workers) {
  auto builder = builder_for(field, op, workers);
  if (builder != nullptr && field.part == parsers::Part::every && op != filter::Operator::present) {
    return make_every_builder(field, op, workers, std::move(builder));
  }
  if (builder != nullptr) return builder;
  return fail(ErrorCode::internal, "no index serves operator " + std::to_string(static_cast<int>(op)) +
                                       " on the type of field '" + std::string(field.name) + "'");
}

}  // namespace iris::index

// Mostly there are few: std::sort inserts them one by one.
extern "C" void iris_index_sort(std::uint32_t* ids, std::uint32_t count) noexcept {
  std::ranges::sort(ids, ids + count);
}

extern "C" void iris_index_number(const iris::index::Blocks* table, std::uint64_t value,
                                  const iris::index::Answer* answer) noexcept {
  iris::index::lookup(*table, value, *answer);
}
extern "C" void iris_index_address(const iris::index::Blocks* table, const iris::IpAddress* address,
                                   const iris::index::Answer* answer) noexcept {
  iris::index::lookup(*table, *address, *answer);
}
extern "C" void iris_index_text(const iris::index::Texts* table, const std::string_view* text,
                                const iris::index::Answer* answer) noexcept {
  iris::index::lookup(*table, *text, *answer);
}
extern "C" void iris_index_affixes(const iris::index::Affixes* table, const std::string_view* text,
                                   const iris::index::Answer* answer) noexcept {
  iris::index::lookup(*table, *text, *answer);
}

extern "C" void iris_index_finish(iris::abi::Matches* matches) noexcept {
  const std::span all(matches->ids, matches->count);
  std::ranges::sort(all);
  matches->count -= static_cast<std::uint32_t>(std::ranges::unique(all).size());
}

extern "C" void iris_index_spend(iris::abi::LookupClock* clock, std::uint32_t family) noexcept {
  const std::uint64_t now = __builtin_readcyclecounter();
  const std::atomic_ref spent(clock->cycles[family]);  // others read it meanwhile
  spent.store(spent.load(std::memory_order_relaxed) + clock->weight * (now - std::exchange(clock->since, now)),
              std::memory_order_relaxed);
}
