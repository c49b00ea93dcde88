// Memory of one session, for parsers with many of them a connection: handed out by moving a pointer, given back whole
// to the connection's Recycler.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "parsers/api.hpp"
#include "parsers/recycler.hpp"

namespace iris::parsers {

class SessionMemory final : public Arena {
 public:
  explicit SessionMemory(Recycler& recycler) noexcept : recycler_(&recycler) {}

  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept override {
    const std::size_t padding = (alignment - reinterpret_cast<std::uintptr_t>(next_) % alignment) % alignment;
    if (next_ == nullptr || padding + size > room_) {
      if (!add_chunk(size + alignment)) return nullptr;
      return allocate(size, alignment);
    }
    std::byte* memory = next_ + padding;
    next_ = memory + size;
    room_ -= padding + size;
    return memory;
  }
  // data() == nullptr when there is no memory.
  [[nodiscard]] std::string_view copy(std::string_view text) noexcept {
    auto* memory = static_cast<char*>(allocate(text.size(), 1));
    if (memory == nullptr) return {};
    if (!text.empty()) std::memcpy(memory, text.data(), text.size());
    return {memory, text.size()};
  }
  // Also has what `other` has, which is empty then.
  void adopt(SessionMemory& other) noexcept {
    Chunk** last = &first_;
    while (*last != nullptr) last = &(*last)->next;
    *last = std::exchange(other.first_, nullptr);
    other.next_ = nullptr;
    other.room_ = 0;
  }
  void clear() noexcept {
    while (first_ != nullptr) {
      Chunk* chunk = std::exchange(first_, first_->next);
      recycler_->give(chunk, chunk->size);
    }
    next_ = nullptr;
    room_ = 0;
  }

 private:
  struct Chunk {
    Chunk* next;
    std::size_t size;
  };
  static constexpr std::size_t usual = 512;

  bool add_chunk(std::size_t needed) noexcept {
    const std::size_t size = Recycler::room(std::max(usual, sizeof(Chunk) + needed));
    void* memory = recycler_->take(size);
    if (memory == nullptr) return false;
    first_ = new (memory) Chunk{first_, size};
    next_ = static_cast<std::byte*>(memory) + sizeof(Chunk);
    room_ = size - sizeof(Chunk);
    return true;
  }

  Recycler* recycler_;
  Chunk* first_ = nullptr;
  std::byte* next_ = nullptr;
  std::size_t room_ = 0;
};

}  // namespace iris::parsers
