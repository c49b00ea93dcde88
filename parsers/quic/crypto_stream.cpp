#include "parsers/quic/crypto_stream.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace iris::parsers::quic {

std::span<const std::uint8_t> CryptoStream::bytes() const noexcept {
  if (count_ == 0 || ranges_[0].begin != 0) return {};
  return {buffer_, ranges_[0].end};
}

bool CryptoStream::reserve(std::size_t size, Arena& arena) noexcept {
  if (size <= room_) return true;
  constexpr std::size_t usual = 2048;
  const std::size_t room = std::max(usual, std::bit_ceil(size));
  auto* grown = static_cast<std::uint8_t*>(arena.allocate(room, 1));
  if (grown == nullptr) return false;
  if (room_ != 0) std::memcpy(grown, buffer_, room_);
  buffer_ = grown;
  room_ = room;
  return true;
}

bool CryptoStream::take(std::uint64_t offset, std::span<const std::uint8_t> bytes, Arena& arena) noexcept {
  if (bytes.empty()) return true;
  if (offset > max_bytes || bytes.size() > max_bytes - offset) return false;
  const auto begin = static_cast<std::uint32_t>(offset);
  const auto end = static_cast<std::uint32_t>(offset + bytes.size());
  const std::size_t before = room_;
  if (!reserve(end, arena)) return false;
  // Bytes between ranges are read when the buffer grows.
  std::memset(buffer_ + before, 0, room_ - before);
  if (!add({begin, end})) return false;
  std::memcpy(buffer_ + begin, bytes.data(), bytes.size());
  return true;
}

bool CryptoStream::add(Range range) noexcept {
  auto* first = ranges_.begin();
  auto* last = first + count_;
  // Those that touch it become one with it.
  auto* from = std::find_if(first, last, [&](const Range& each) { return each.end >= range.begin; });
  auto* to = std::find_if(from, last, [&](const Range& each) { return each.begin > range.end; });
  if (from == to) {
    if (count_ == max_ranges) return false;
    std::copy_backward(from, last, last + 1);
    *from = range;
    ++count_;
    return true;
  }
  from->begin = std::min(from->begin, range.begin);
  from->end = std::max((to - 1)->end, range.end);
  std::copy(to, last, from + 1);
  count_ -= static_cast<std::size_t>(to - from - 1);
  return true;
}

}  // namespace iris::parsers::quic
