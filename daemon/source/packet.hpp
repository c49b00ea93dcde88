// A received packet, without saying what it lies in.
#pragma once

#include <cstdint>
#include <span>

#include <iris/time.hpp>

#include "parsers/packet/link.hpp"

namespace iris::source {

struct PacketRef {
  const std::uint8_t* data = nullptr;  // from the link header on
  std::uint32_t length = 0;            // captured bytes at `data`
  std::uint32_t wire_length = 0;       // bytes on the wire; greater than `length` where the capture cut it off
  Timestamp ts;
  void* handle = nullptr;  // the source's own (an rte_mbuf); one reference
  parsers::packet::LinkType link = parsers::packet::LinkType::ethernet;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {data, length}; }
};

// The longest packet that compose() gives room for: an IP datagram's longest.
inline constexpr std::uint32_t longest_composed = 65535;

// Room for a packet that did not arrive as one.
struct Room {
  std::uint8_t* data = nullptr;  // nullptr: there is none
  void* handle = nullptr;        // as PacketRef::handle, one reference
};

// How much is left to receive packets into. Holding one more costs the others.
enum class Pressure : std::uint8_t {
  none,
  low,       // below 25 % free: copy what is kept, rather than hold it
  critical,  // below 10 %: keep nothing; results may lack data, and say so
};

// Keeps packets alive beyond their burst. One reference is given up by each release.
class PacketHolder {
 public:
  virtual void hold(const PacketRef& packet) noexcept = 0;  // one more reference
  virtual void release(std::span<const PacketRef> packets) noexcept = 0;

  // A packet of `length` bytes to be written by the caller, who has its one reference; held and released like a
  // received one. Nothing when there is no room left, or `length` is over longest_composed.
  [[nodiscard]] virtual Room compose([[maybe_unused]] std::uint32_t length) noexcept { return {}; }
  // Cheap enough to be asked once a burst.
  [[nodiscard]] virtual Pressure pressure() const noexcept { return Pressure::none; }

 protected:
  ~PacketHolder() = default;
};

}  // namespace iris::source
