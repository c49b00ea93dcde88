// An arena whose blocks are exactly as long as asked for, so that AddressSanitizer sees every overrun; and that knows
// what lies in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "parsers/api.hpp"

namespace iris::parsers::test {

class BlockArena final : public Arena {
 public:
  explicit BlockArena(std::size_t cap = std::size_t{1} << 20U) : cap_(cap) {}

  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) noexcept override {
    if (size > cap_ - used_) return nullptr;
    used_ += size;
    auto* memory = static_cast<std::byte*>(::operator new(size, std::align_val_t{alignment}));
    blocks_.push_back({std::unique_ptr<std::byte, Free>(memory, Free{alignment}), size});
    return memory;
  }

  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] bool holds(const void* begin, std::size_t size) const {
    const auto address = reinterpret_cast<std::uintptr_t>(begin);
    return size == 0 || std::ranges::any_of(blocks_, [&](const Block& block) {
             const auto first = reinterpret_cast<std::uintptr_t>(block.memory.get());
             return address >= first && address + size <= first + block.size;
           });
  }

 private:
  struct Free {
    std::size_t alignment = 1;
    void operator()(std::byte* memory) const { ::operator delete(memory, std::align_val_t{alignment}); }
  };
  struct Block {
    std::unique_ptr<std::byte, Free> memory;
    std::size_t size = 0;
  };

  std::size_t cap_;
  std::size_t used_ = 0;
  std::vector<Block> blocks_;
};

}  // namespace iris::parsers::test
