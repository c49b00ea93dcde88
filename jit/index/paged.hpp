// A vector that exists in many versions: a copy costs one reference, and changing a copy copies the page that changes.
//
// What nobody else holds is changed in place, so a batch of changes between two copies costs what it would cost a plain
// vector. One thread changes; any number of threads read the copies that they hold.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace iris::index {

// Whether the caller's reference is the only one, and what others did with theirs has happened.
template <class T>
[[nodiscard]] bool is_sole(const std::shared_ptr<T>& owner) noexcept {
  if (owner.use_count() != 1) return false;
  std::atomic_thread_fence(std::memory_order_acquire);
  return true;
}

template <class T>
class Paged {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const T& operator[](std::size_t at) const noexcept {
    return (*pages_->operator[](at / page_size))[at % page_size];
  }

  // Of this version alone.
  [[nodiscard]] T& edit(std::size_t at) { return (*own(at / page_size))[at % page_size]; }

  void push_back(T value) {
    own_pages();
    if (size_ == pages_->size() * page_size) pages_->push_back(std::make_shared<Page>());
    edit(size_++) = std::move(value);
  }
  // New elements are as T{} makes them. Never shrinks.
  void grow(std::size_t size) {
    while (size_ < size) push_back(T{});
  }

 private:
  static constexpr std::size_t page_size = 64;
  using Page = std::array<T, page_size>;

  void own_pages() {
    if (pages_ == nullptr) {
      pages_ = std::make_shared<std::vector<std::shared_ptr<Page>>>();
    } else if (!is_sole(pages_)) {
      pages_ = std::make_shared<std::vector<std::shared_ptr<Page>>>(*pages_);
    }
  }
  const std::shared_ptr<Page>& own(std::size_t number) {
    own_pages();
    std::shared_ptr<Page>& page = (*pages_)[number];
    if (!is_sole(page)) page = std::make_shared<Page>(*page);
    return page;
  }

  std::shared_ptr<std::vector<std::shared_ptr<Page>>> pages_;
  std::size_t size_ = 0;
};

}  // namespace iris::index
