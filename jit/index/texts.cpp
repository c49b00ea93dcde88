// Texts: equality, and affixes of the lengths that occur.
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "jit/index/builders.hpp"
#include "jit/index/sharded.hpp"
#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

// Slots point into the predicates that brought them, and keep these.
TextSlot slot_of(const PredicatePtr& owner, const std::string& text) {
  return {.hashed = hash_text(text),
          .text = std::shared_ptr<const char>(owner, text.data()),
          .size = static_cast<std::uint32_t>(text.size()),
          .ids = {}};
}

auto same_as(std::string_view text) {
  return [text](const TextSlot& slot) { return std::string_view(slot.text.get(), slot.size) == text; };
}

// What both kinds of table do with one text.
class TextTable {
 public:
  // True when the text is new.
  bool add(const PredicatePtr& owner, const std::string& text, std::uint32_t id) {
    const std::size_t before = slots_.size();
    add_id(slots_.edit(slot_of(owner, text), same_as(text)).ids, id);
    return slots_.size() != before;
  }
  // True when nobody has the text any more.
  bool remove(const std::string& text, std::uint32_t id) {
    const std::uint64_t hash = hash_text(text);
    if (const TextSlot* slot = slots_.find(hash, same_as(text)); slot->ids.count == 1) {
      slots_.erase(hash, same_as(text));
      return true;
    }
    TextSlot key;
    key.hashed = hash;
    remove_id(slots_.edit(std::move(key), same_as(text)).ids, id);
    return false;
  }
  [[nodiscard]] const Sharded<TextSlot>& slots() const { return slots_; }

 private:
  Sharded<TextSlot> slots_;
};

class TextBuilder final : public Builder {
 public:
  Result<void> add(const PredicatePtr& predicate, std::uint32_t id) override {
    for (const filter::Operand& operand : predicate->operands) {
      (void)texts_.add(predicate, std::get<std::string>(operand), id);
    }
    return {};
  }
  void remove(const filter::Predicate& predicate, std::uint32_t id) override {
    for (const filter::Operand& operand : predicate.operands) {
      (void)texts_.remove(std::get<std::string>(operand), id);
    }
  }
  Result<std::shared_ptr<const Index>> snapshot() override {
    return make_version(Texts{texts_.slots().view()}, texts_.slots());
  }

 private:
  TextTable texts_;
};

class AffixBuilder final : public Builder {
 public:
  explicit AffixBuilder(Affix kind) : kind_(kind) {}

  Result<void> add(const PredicatePtr& predicate, std::uint32_t id) override {
    for (const std::string* affix : shortest(*predicate)) {
      if (texts_.add(predicate, *affix, id)) note(*affix, 1);
    }
    return {};
  }
  void remove(const filter::Predicate& predicate, std::uint32_t id) override {
    for (const std::string* affix : shortest(predicate)) {
      if (texts_.remove(*affix, id)) note(*affix, -1);
    }
  }
  Result<std::shared_ptr<const Index>> snapshot() override {
    if (lengths_ == nullptr) list_lengths();
    const Affixes table{texts_.slots().view(), lengths_->data(), static_cast<std::uint32_t>(lengths_->size()), kind_};
    return make_version(table, std::pair(texts_.slots(), lengths_));
  }

 private:
  using Lengths = std::vector<AffixLength>;

  // Whatever has the longer affix has the shorter one: a predicate must not report itself twice.
  [[nodiscard]] std::vector<const std::string*> shortest(const filter::Predicate& predicate) const {
    std::vector<const std::string*> sorted;
    for (const filter::Operand& operand : predicate.operands) sorted.push_back(&std::get<std::string>(operand));
    if (sorted.size() == 1) return sorted;
    std::ranges::sort(sorted, {},
                      [](const std::string* text) { return std::pair(text->size(), std::string_view(*text)); });
    Sharded<TextSlot> known;
    std::map<std::size_t, std::size_t> lengths;
    std::vector<const std::string*> result;
    for (const std::string* text : sorted) {
      const bool covered = std::ranges::any_of(lengths, [&](const auto& length) {
        if (!has_affix_at(kind_, *text, length.first)) return false;
        const std::string_view piece = affix_of(kind_, *text, length.first);
        return known.find(hash_text(piece), same_as(piece)) != nullptr;
      });
      if (covered) continue;
      TextSlot slot{hash_text(*text),
                    std::shared_ptr<const char>(std::shared_ptr<void>(), text->data()),
                    static_cast<std::uint32_t>(text->size()),
                    {}};
      slot.ids.count = 1;
      (void)known.edit(std::move(slot), same_as(*text));
      ++lengths[text->size()];
      result.push_back(text);
    }
    return result;
  }

  void note(const std::string& affix, int change) {
    const int innermost = affix.empty() ? -1 : static_cast<unsigned char>(innermost_of(kind_, affix));
    int& users = users_[affix.size()][innermost];
    const bool was_there = users != 0;
    users += change;
    if (was_there == (users != 0)) return;
    lengths_ = nullptr;
    if (users != 0) return;
    users_[affix.size()].erase(innermost);
    if (users_[affix.size()].empty()) users_.erase(affix.size());
  }

  void list_lengths() {
    Lengths list;
    for (const auto& [length, bytes] : users_) {
      AffixLength& added = list.emplace_back();
      added.length = static_cast<std::uint32_t>(length);
      for (const auto& [byte, users] : bytes) {
        if (byte >= 0) added.innermost[byte / 64] |= 1ULL << (byte % 64);
      }
    }
    lengths_ = std::make_shared<const Lengths>(std::move(list));
  }

  Affix kind_;
  TextTable texts_;
  std::map<std::size_t, std::map<int, int>> users_;  // length → innermost byte → affixes
  std::shared_ptr<const Lengths> lengths_;           // nullptr: changed
};

}  // namespace

std::unique_ptr<Builder> make_text_builder() { return std::make_unique<TextBuilder>(); }
std::unique_ptr<Builder> make_affix_builder(Affix kind) { return std::make_unique<AffixBuilder>(kind); }

}  // namespace iris::index
