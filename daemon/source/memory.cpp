#include "daemon/source/memory.hpp"

#include <algorithm>
#include <utility>

namespace iris::source {
namespace {

constexpr std::size_t cache_line = 64;

constexpr std::size_t padded(std::size_t size) { return (size + cache_line - 1) / cache_line * cache_line; }

}  // namespace

MemorySource::MemorySource(std::span<const Frame> frames, std::uint64_t passes, Duration between)
    : passes_left_(passes), done_(frames.empty() || passes == 0) {
  std::size_t size = cache_line;
  for (const Frame& frame : frames) size += padded(frame.bytes.size());
  bytes_.resize(size);
  std::uint8_t* at = bytes_.data();
  at += padded(reinterpret_cast<std::uintptr_t>(at)) - reinterpret_cast<std::uintptr_t>(at);
  packets_.reserve(frames.size());
  for (const Frame& frame : frames) {
    std::ranges::copy(frame.bytes, at);
    const auto length = static_cast<std::uint32_t>(frame.bytes.size());
    packets_.push_back({at, length, length, frame.ts, nullptr});
    at += padded(frame.bytes.size());
  }
  if (!done_) {
    const auto [first, last] = std::ranges::minmax(packets_, {}, &PacketRef::ts);
    period_ = {(last.ts - first.ts).nanoseconds + between.nanoseconds};
  }
}

MemorySource::MemorySource(Generator generator) : generator_(std::move(generator)) {}

std::size_t MemorySource::receive(std::span<PacketRef> burst) noexcept {
  if (done_ || burst.empty()) return 0;
  const std::size_t count = generator_ ? generator_(burst) : replay(burst);
  for (const PacketRef& packet : burst.first(count)) counters_.bytes += packet.wire_length;
  counters_.packets += count;
  if (count == 0) {
    done_ = true;
  } else {
    now_ = burst[count - 1].ts;
  }
  return count;
}

std::size_t MemorySource::replay(std::span<PacketRef> burst) noexcept {
  std::size_t count = 0;
  while (count < burst.size() && !done_) {
    const std::size_t some = std::min(burst.size() - count, packets_.size() - next_);
    for (std::size_t i = 0; i < some; ++i) {
      burst[count + i] = packets_[next_ + i];
      burst[count + i].ts = burst[count + i].ts + shift_;
    }
    count += some;
    next_ += some;
    if (next_ < packets_.size()) break;
    next_ = 0;
    shift_.nanoseconds += period_.nanoseconds;
    if (passes_left_ != forever) done_ = --passes_left_ == 0;
  }
  return count;
}

void MemorySource::hold(const PacketRef& packet) noexcept {
  if (packet.handle != nullptr) Buffers::hold(static_cast<Buffers::Buffer*>(packet.handle));
}

void MemorySource::release(std::span<const PacketRef> packets) noexcept {
  if (composed_.in_use() == 0) return;
  for (const PacketRef& packet : packets) {
    if (packet.handle != nullptr) composed_.release(static_cast<Buffers::Buffer*>(packet.handle));
  }
}

Room MemorySource::compose(std::uint32_t length) noexcept {
  Buffers::Buffer* buffer = length > longest_composed ? nullptr : composed_.take(length);
  return buffer == nullptr ? Room{} : Room{buffer->data(), buffer};
}

}  // namespace iris::source
