// Equality of texts: a hash table.
#include <utility>

#include "jit/index/builders.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

class TextSetIndex final : public Index {
 public:
  explicit TextSetIndex(std::map<std::string, Ids> texts) : texts_(std::move(texts)), slots_(slots_for(texts_.size())) {
    for (const auto& [text, ids] : texts_) {
      const std::uint64_t hash = hash_text(text);
      free_slot(std::span(slots_), hash) = {
          .hash = hash, .data = text.data(), .size = static_cast<std::uint32_t>(text.size()), .list = lists_.add(ids)};
    }
    table_ = {.slots = slots_.data(), .mask = slots_.size() - 1, .lists = lists_.view()};
  }
  [[nodiscard]] const void* table() const noexcept override { return &table_; }

 private:
  std::map<std::string, Ids> texts_;
  std::vector<TextSlot> slots_;
  ListBuilder lists_;
  TextSet table_;
};

}  // namespace

Built build_text_set(std::span<const Entry> entries) {
  return std::make_unique<TextSetIndex>(by_operand<std::string>(entries));
}

}  // namespace iris::index
