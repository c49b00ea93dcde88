// Frames for tests, from the inside out: ethernet(ipv4(17, udp(1, 2, text))). Checksums are 0: nobody looks at them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/source/packet.hpp"

namespace iris::worker::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes word(std::size_t value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}
inline Bytes text(std::string_view text) { return {text.begin(), text.end()}; }
inline Bytes part(const Bytes& bytes, std::size_t offset, std::size_t length = SIZE_MAX) {
  const auto some = std::span(bytes).subspan(offset, std::min(length, bytes.size() - offset));
  return {some.begin(), some.end()};
}

inline Bytes udp(std::uint16_t from, std::uint16_t to, const Bytes& payload) {
  return word(from) + word(to) + word(8 + payload.size()) + word(0) + payload;
}
inline Bytes tcp(std::uint16_t from, std::uint16_t to, const Bytes& payload) {
  return word(from) + word(to) + Bytes{0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0} + payload;
}
// From 10.0.0.`from` to 10.0.0.`to`. `fragment` as in the header: flags and offset.
struct Ends {
  std::uint8_t from = 1;
  std::uint8_t to = 2;
};
inline Bytes ipv4(std::uint8_t protocol, const Bytes& payload, Ends ends = {}, std::uint16_t fragment = 0) {
  return Bytes{0x45, 0} + word(20 + payload.size()) + word(77) + word(fragment) +
         Bytes{64, protocol, 0, 0, 10, 0, 0, ends.from, 10, 0, 0, ends.to} + payload;
}
inline Bytes gre(const Bytes& payload) { return Bytes{0, 0, 8, 0} + payload; }
inline Bytes vxlan(std::uint8_t vni, const Bytes& frame) { return Bytes{8, 0, 0, 0, 0, 0, vni, 0} + frame; }
inline Bytes ethernet(const Bytes& packet, std::size_t type = 0x0800) { return Bytes(12, 2) + word(type) + packet; }
inline Bytes tagged(std::size_t vlan, const Bytes& packet) {
  return ethernet(word(vlan) + word(0x0800) + packet, 0x8100);
}

// An IPv4 packet in two fragments; `first` bytes in the first, a multiple of 8.
inline std::pair<Bytes, Bytes> halves(std::uint8_t protocol, const Bytes& payload, std::size_t first, Ends ends = {}) {
  return {ipv4(protocol, part(payload, 0, first), ends, 0x2000),
          ipv4(protocol, part(payload, first), ends, static_cast<std::uint16_t>(first / 8))};
}

// Packets in memory of their own, which is freed when nobody holds them.
class Packets final : public source::PacketHolder {
 public:
  // One reference is the caller's.
  source::PacketRef make(const Bytes& bytes, std::uint64_t seconds = 1) {
    const source::Room room = compose(static_cast<std::uint32_t>(bytes.size()));
    std::ranges::copy(bytes, room.data);
    const auto length = static_cast<std::uint32_t>(bytes.size());
    return {.data = room.data,
            .length = length,
            .wire_length = length,
            .ts = {seconds * 1'000'000'000},
            .handle = room.handle};
  }
  void hold(const source::PacketRef& packet) noexcept override { ++packets_.at(packet.handle).references; }
  void release(std::span<const source::PacketRef> packets) noexcept override {
    for (const source::PacketRef& packet : packets) {
      if (--packets_.at(packet.handle).references == 0) packets_.erase(packet.handle);
    }
  }
  source::Room compose(std::uint32_t length) noexcept override {
    auto bytes = std::make_unique<std::uint8_t[]>(length);
    std::uint8_t* data = bytes.get();
    packets_[data] = {std::move(bytes), 1};
    return {data, data};
  }
  [[nodiscard]] std::size_t alive() const { return packets_.size(); }

 private:
  struct Packet {
    std::unique_ptr<std::uint8_t[]> bytes;
    int references = 0;
  };
  std::map<void*, Packet> packets_;
};

}  // namespace iris::worker::test
