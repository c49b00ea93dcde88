// A hash table that exists in many versions, as Paged is a vector that does: it is split into shards of some sixteen
// entries, and a change copies one.
//
// A Slot is an entry or empty: default-made it is empty; `empty()` and `hash()` tell. The hash must be good in all its
// bits: the low half chooses the shard, the high half the place in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "jit/index/paged.hpp"
#include "jit/index/tables.hpp"

namespace iris::index {

template <class Slot>
class Sharded {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Valid as long as this version, or a copy of it, is not changed.
  [[nodiscard]] Shards<Slot> view() const noexcept { return {shards_->data(), shards_->size() - 1}; }

  template <class Same>
  [[nodiscard]] const Slot* find(std::uint64_t hash, Same same) const noexcept {
    return index::find(view(), hash, same);
  }

  // All entries, in no particular order. What `visit` is given is valid as view() is.
  template <class Visit>
  void each(Visit visit) const {
    for (const Shard<Slot>& shard : *shards_) {
      for (std::uint32_t i = 0; shard.used != 0 && i <= shard.mask; ++i) {
        if (!shard.slots[i].empty()) visit(shard.slots[i]);
      }
    }
  }

  // The entry that is the `same` as `fresh`, or `fresh` itself, put there: of this version alone. Valid until the next
  // change, which must leave the slot's key as it is.
  template <class Same>
  [[nodiscard]] Slot& edit(Slot fresh, Same same) {
    const std::uint64_t hash = fresh.hash();
    if (size_ >= entries_a_shard * shards_->size()) spread();
    Shard<Slot>& shard = own(hash);
    if (Slot* known = place(shard, hash, same); known != nullptr && !known->empty()) return *known;
    if ((shard.used + 1) * 4 > (shard.mask + 1) * 3) resize(shard, 2 * (shard.mask + 1));
    ++shard.used;
    ++size_;
    Slot& slot = *place(shard, hash, [](const Slot&) { return false; });
    slot = std::move(fresh);
    return slot;
  }

  template <class Same>
  void erase(std::uint64_t hash, Same same) {
    if (find(hash, same) == nullptr) return;
    Shard<Slot>& shard = own(hash);
    *place(shard, hash, same) = Slot{};
    --shard.used;
    --size_;
    resize(shard, shard.mask + 1);  // what was pushed on by it moves up
  }

 private:
  static constexpr std::size_t entries_a_shard = 16;
  using All = std::vector<Shard<Slot>>;

  static Shard<Slot> empty_shard(std::uint32_t room) {
    return {.slots = std::shared_ptr<Slot[]>(new Slot[room]), .mask = room - 1, .used = 0};
  }

  // Where it is, or the first empty slot on the way.
  template <class Same>
  static Slot* place(Shard<Slot>& shard, std::uint64_t hash, Same same) {
    for (std::uint64_t at = hash >> 32U;; ++at) {
      Slot& slot = shard.slots[static_cast<std::ptrdiff_t>(at & shard.mask)];
      if (slot.empty() || same(slot)) return &slot;
    }
  }

  static void resize(Shard<Slot>& shard, std::uint32_t room) {
    Shard<Slot> changed = empty_shard(room);
    for (std::uint32_t i = 0; i <= shard.mask; ++i) {
      Slot& slot = shard.slots[i];
      if (slot.empty()) continue;
      *place(changed, slot.hash(), [](const Slot&) { return false; }) = slot;
      ++changed.used;
    }
    shard = std::move(changed);
  }

  Shard<Slot>& own(std::uint64_t hash) {
    if (!is_sole(shards_)) shards_ = std::make_shared<All>(*shards_);
    Shard<Slot>& shard = (*shards_)[hash & (shards_->size() - 1)];
    if (shard.slots == nullptr) shard = empty_shard(2);
    if (!is_sole(shard.slots)) resize(shard, shard.mask + 1);
    return shard;
  }

  void spread() {
    const std::shared_ptr<All> before = std::exchange(shards_, std::make_shared<All>(4 * shards_->size()));
    for (const Shard<Slot>& shard : *before) {
      for (std::uint32_t i = 0; shard.used != 0 && i <= shard.mask; ++i) {
        const Slot& slot = shard.slots[i];
        if (slot.empty()) continue;
        Shard<Slot>& target = (*shards_)[slot.hash() & (shards_->size() - 1)];
        if (target.slots == nullptr) target = empty_shard(2);
        if ((target.used + 1) * 4 > (target.mask + 1) * 3) resize(target, 2 * (target.mask + 1));
        *place(target, slot.hash(), [](const Slot&) { return false; }) = slot;
        ++target.used;
      }
    }
  }

  std::shared_ptr<All> shards_ = std::make_shared<All>(1);
  std::size_t size_ = 0;
};

}  // namespace iris::index
