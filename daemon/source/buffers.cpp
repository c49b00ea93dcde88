#include "daemon/source/buffers.hpp"

#include <cassert>
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
  if (size == sizes.size() || (free_[size] == nullptr && !grow(size))) return nullptr;
  Buffer* buffer = free_[size];
  free_[size] = buffer->next;
  buffer->references = 1;
  ++in_use_;
  return buffer;
}

void Buffers::release(Buffer* buffer) noexcept {
  assert(buffer->references > 0);
  if (--buffer->references > 0) return;
  buffer->next = free_[buffer->size];
  free_[buffer->size] = buffer;
  --in_use_;
}

bool Buffers::grow(std::uint32_t size) noexcept {
  const std::size_t each = sizeof(Buffer) + sizes[size].bytes;
  const std::size_t bytes = sizeof(Chunk) + sizes[size].at_once * each;
  void* memory = ::operator new(bytes, std::align_val_t{alignof(Chunk)}, std::nothrow);
  if (memory == nullptr) return false;
  chunks_ = std::construct_at(static_cast<Chunk*>(memory), Chunk{chunks_});
  auto* at = static_cast<std::byte*>(memory) + sizeof(Chunk);
  for (std::size_t i = 0; i < sizes[size].at_once; ++i, at += each) {
    free_[size] = std::construct_at(reinterpret_cast<Buffer*>(at), Buffer{free_[size], 0, size});
  }
  return true;
}

}  // namespace iris::source
