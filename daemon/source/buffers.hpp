// Memory for packets that outlive the file they were read from: reference-counted buffers of a few sizes, from chunks
// that are never given back, so that reading on costs no allocation.
//
// One thread takes; any may hold and release. What is released goes onto a stack that the taker empties as a whole when
// it has nothing left: nobody ever takes a single buffer from it, so it has no ABA problem.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace iris::source {

class Buffers {
 public:
  struct alignas(64) Buffer {
    Buffer* next = nullptr;  // free, in one of its size's lists
    std::atomic<std::uint32_t> references{0};
    std::uint32_t size = 0;  // index into `sizes`

    [[nodiscard]] std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  };

  Buffers() = default;
  ~Buffers();  // frees buffers that are still held, too
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  // For one thread. At least `length` bytes, with one reference. Null when there is no memory, or `length` is over the
  // largest size.
  [[nodiscard]] Buffer* take(std::size_t length) noexcept;

  static void hold(Buffer* buffer) noexcept { buffer->references.fetch_add(1, std::memory_order_relaxed); }
  void release(Buffer* buffer) noexcept;

  [[nodiscard]] std::size_t in_use() const { return taken_ - given_back_.load(std::memory_order_relaxed); }

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
  std::size_t taken_ = 0;
  alignas(64) std::array<std::atomic<Buffer*>, sizes.size()> released_{};  // by any thread
  std::atomic<std::size_t> given_back_{0};
};

}  // namespace iris::source
