#include "daemon/source/buffers.hpp"

#include <memory>
#include <new>

namespace iris::source {

Buffers::~Buffers() {
  while (chunks_ != nullptr) {
    Chunk* next = chunks_->next;
    ::operator delete(chunks_, std::align_val_t{alignof(Chunk)});
    chunks_ = next;
  }
}

Buffers::Buffer* Buffers::take(std::size_t length) noexcept {
  std::uint32_t size = 0;
  while (size < sizes.size() && sizes[size].bytes < length) ++size;
  if (size == sizes.size()) return nullptr;
  if (free_[size] == nullptr) free_[size] = released_[size].exchange(nullptr, std::memory_order_acquire);
  if (free_[size] == nullptr && !grow(size)) return nullptr;
  Buffer* buffer = free_[size];
  free_[size] = buffer->next;
  buffer->references.store(1, std::memory_order_relaxed);
  ++taken_;
  return buffer;
}

void Buffers::release(Buffer* buffer) noexcept {
  // Nobody can hold what only we hold: then there is nothing to count down, which would be dear.
  if (buffer->references.load(std::memory_order_acquire) > 1 &&
      buffer->references.fetch_sub(1, std::memory_order_acq_rel) > 1) {
    return;
  }
  std::atomic<Buffer*>& top = released_[buffer->size];
  buffer->next = top.load(std::memory_order_relaxed);
  while (!top.compare_exchange_weak(buffer->next, buffer, std::memory_order_release, std::memory_order_relaxed)) {
  }
  given_back_.fetch_add(1, std::memory_order_relaxed);
}

bool Buffers::grow(std::uint32_t size) noexcept {
  const std::size_t each = sizeof(Buffer) + sizes[size].bytes;
  const std::size_t bytes = sizeof(Chunk) + sizes[size].at_once * each;
  void* memory = ::operator new(bytes, std::align_val_t{alignof(Chunk)}, std::nothrow);
  if (memory == nullptr) return false;
  chunks_ = std::construct_at(static_cast<Chunk*>(memory), Chunk{chunks_});
  auto* at = static_cast<std::byte*>(memory) + sizeof(Chunk);
  for (std::size_t i = 0; i < sizes[size].at_once; ++i, at += each) {
    free_[size] = std::construct_at(reinterpret_cast<Buffer*>(at), free_[size], 0U, size);
  }
  return true;
}

}  // namespace iris::source
