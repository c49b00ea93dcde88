// A received packet, without saying what it lies in.
#pragma once

#include <cstdint>
#include <span>

#include <iris/time.hpp>

namespace iris::source {

struct PacketRef {
  const std::uint8_t* data = nullptr;  // from the link header on
  std::uint32_t length = 0;            // captured bytes at `data`
  std::uint32_t wire_length = 0;       // bytes on the wire; greater than `length` where the capture cut it off
  Timestamp ts;
  void* handle = nullptr;  // the source's own (an rte_mbuf); one reference

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {data, length}; }
};

// Keeps packets alive beyond their burst. One reference is given up by each release.
class PacketHolder {
 public:
  virtual void hold(const PacketRef& packet) noexcept = 0;  // one more reference
  virtual void release(std::span<const PacketRef> packets) noexcept = 0;

 protected:
  ~PacketHolder() = default;
};

}  // namespace iris::source
