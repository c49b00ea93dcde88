// Memory in pieces that come and go, out of an arena that frees nothing by itself: for protocols with many sessions a
// connection. Pieces are powers of two; one that is given back is used again for the next of its size.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#include "parsers/api.hpp"

namespace iris::parsers {

// Lives in the arena with its parser; what it handed out need not be given back before the arena goes.
class Recycler {
 public:
  explicit Recycler(Arena& arena) noexcept : arena_(arena) {}

  // Aligned for anything. nullptr when the arena is exhausted. Size 0 gives an address, too.
  [[nodiscard]] void* take(std::size_t size) noexcept {
    const std::size_t number = class_of(size);
    if (number >= free_.size()) return nullptr;
    if (Piece* piece = free_[number]; piece != nullptr) {
      free_[number] = piece->next;
      return piece;
    }
    return arena_.allocate(smallest << number, alignof(std::max_align_t));
  }

  // `size` as it was taken.
  void give(void* memory, std::size_t size) noexcept {
    if (memory == nullptr) return;
    const std::size_t number = class_of(size);
    free_[number] = new (memory) Piece{free_[number]};
  }

  // How many bytes a piece taken for `size` really has.
  [[nodiscard]] static constexpr std::size_t room(std::size_t size) noexcept { return smallest << class_of(size); }

 private:
  struct Piece {
    Piece* next;
  };
  static constexpr std::size_t smallest = 32;

  [[nodiscard]] static constexpr std::size_t class_of(std::size_t size) noexcept {
    return size <= smallest ? 0 : std::bit_width((size - 1) / smallest);
  }

  Arena& arena_;
  std::array<Piece*, 24> free_{};  // up to 256 MiB
};

}  // namespace iris::parsers
