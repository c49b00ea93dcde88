// Memory for packets that outlive the file they were read from: reference-counted buffers of a few sizes, from chunks
// that are never given back, so that reading on costs no allocation. One thread's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace iris::source {

class Buffers {
 public:
  struct alignas(64) Buffer {
    Buffer* next = nullptr;  // free, in its size's list
    std::uint32_t references = 0;
    std::uint32_t size = 0;  // index into `sizes`

    [[nodiscard]] std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  };

  Buffers() = default;
  ~Buffers();  // frees buffers that are still held, too
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  // At least `length` bytes, with one reference. Null when there is no memory, or `length` is over the largest size.
  [[nodiscard]] Buffer* take(std::size_t length) noexcept;

  static void hold(Buffer* buffer) noexcept { ++buffer->references; }
  void release(Buffer* buffer) noexcept;

  [[nodiscard]] std::size_t in_use() const { return in_use_; }

 private:
  struct Size {
    std::size_t bytes;  // of data; with the header a multiple of 64
    std::size_t at_once;
  };
  static constexpr std::array<Size, 3> sizes{{{2048 - 64, 64}, {16384 - 64, 4}, {262144, 1}}};

  struct alignas(64) Chunk {
    Chunk* next = nullptr;
  };

  [[nodiscard]] bool grow(std::uint32_t size) noexcept;

  std::array<Buffer*, sizes.size()> free_{};
  Chunk* chunks_ = nullptr;
  std::size_t in_use_ = 0;
};

}  // namespace iris::source
