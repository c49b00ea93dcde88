#include "parsers/tls/computed.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

namespace iris::parsers::tls {

TlsHandshake::Layout::Computed* computed_of(const TlsHandshake& handshake) noexcept {
  using Computed = TlsHandshake::Layout::Computed;
  const auto& layout = handshake.layout;
  if (layout.computed == nullptr && layout.arena != nullptr) {
    void* memory = static_cast<Arena*>(layout.arena)->allocate(sizeof(Computed), alignof(Computed));
    if (memory != nullptr) layout.computed = new (memory) Computed;
  }
  return layout.computed;
}

ArenaText::ArenaText(const TlsHandshake& handshake, std::size_t room) noexcept {
  auto* arena = static_cast<Arena*>(handshake.layout.arena);
  begin_ = arena == nullptr ? nullptr : static_cast<char*>(arena->allocate(room, 1));
  room_ = begin_ == nullptr ? 0 : room;
}

void ArenaText::append(std::string_view text) noexcept {
  const std::size_t fits = std::min(text.size(), room_ - size_);
  if (fits != 0) std::memcpy(begin_ + size_, text.data(), fits);
  size_ += fits;
}

// At least `width` digits.
void ArenaText::append(std::uint32_t number, int base, int width) noexcept {
  char digits[16];
  const char* end = std::to_chars(digits, std::end(digits), number, base).ptr;
  for (auto length = end - digits; length < width; ++length) append("0");
  append({digits, end});
}

}  // namespace iris::parsers::tls
