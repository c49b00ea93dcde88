// Fragments for tests: frames byte by byte, each in memory of exactly its size that is freed when nobody holds it, so
// that AddressSanitizer finds any look beyond them.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "daemon/source/packet.hpp"
#include "parsers/packet/decode.hpp"

namespace iris::fragments {

using Bytes = std::vector<std::uint8_t>;

inline void put16(Bytes& bytes, std::size_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8U));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

class Holder final : public source::PacketHolder {
 public:
  // The caller has one reference. `cut`: bytes at the end that the capture lacks.
  source::PacketRef make(std::span<const std::uint8_t> bytes, std::size_t cut = 0, Timestamp ts = {}) {
    const std::size_t length = bytes.size() - std::min(cut, bytes.size());
    const source::Room room = allocate(length);
    std::copy_n(bytes.begin(), length, room.data);
    return {.data = room.data,
            .length = static_cast<std::uint32_t>(length),
            .wire_length = static_cast<std::uint32_t>(bytes.size()),
            .ts = ts,
            .handle = room.handle};
  }

  void hold(const source::PacketRef& packet) noexcept override { ++packets_.at(packet.handle).references; }
  void release(std::span<const source::PacketRef> packets) noexcept override {
    for (const source::PacketRef& packet : packets) {
      if (--packets_.at(packet.handle).references == 0) packets_.erase(packet.handle);
    }
  }
  [[nodiscard]] source::Room compose(std::uint32_t length) noexcept override {
    if (rooms_ == 0 || length > source::longest_composed) return {};
    --rooms_;
    return allocate(length);
  }
  [[nodiscard]] source::Pressure pressure() const noexcept override { return pressure_; }

  void set_pressure(source::Pressure pressure) { pressure_ = pressure; }
  void set_rooms(std::size_t rooms) { rooms_ = rooms; }  // how many more compose() gives
  [[nodiscard]] std::size_t in_use() const { return packets_.size(); }

 private:
  struct Packet {
    std::unique_ptr<std::uint8_t[]> bytes;
    int references = 1;
  };
  source::Room allocate(std::size_t length) {
    auto bytes = std::make_unique<std::uint8_t[]>(length);
    std::uint8_t* data = bytes.get();
    packets_.emplace(data, Packet{std::move(bytes)});
    return {data, data};
  }

  std::map<void*, Packet> packets_;
  std::size_t rooms_ = SIZE_MAX;
  source::Pressure pressure_ = source::Pressure::none;
};

// One fragment, and what it lies in.
struct Piece {
  IpVersion version = IpVersion::V4;
  std::uint32_t id = 1;
  std::uint8_t host = 1;       // last byte of the source address
  std::uint8_t server = 2;     // of the destination address
  std::uint8_t protocol = 17;  // of what follows the headers
  std::size_t offset = 0;      // bytes
  bool more = false;
  Bytes bytes{};
  Bytes options{};                    // IPv4
  Bytes extensions{};                 // IPv6, before the fragment header
  std::uint8_t first_extension = 44;  // its type; the last says 44 itself
  std::vector<std::uint16_t> vlans{};
  std::size_t padding = 0;  // bytes after the datagram
};

inline Bytes ipv4(const Piece& piece) {
  Bytes ip{static_cast<std::uint8_t>(0x40U | (5 + piece.options.size() / 4)), 0};
  put16(ip, 20 + piece.options.size() + piece.bytes.size());
  put16(ip, piece.id);
  put16(ip, (piece.more ? 0x2000U : 0U) | piece.offset / 8);
  for (const int byte : {64, int{piece.protocol}, 0xab, 0xcd}) ip.push_back(static_cast<std::uint8_t>(byte));
  for (const int byte : {10, 0, 0, int{piece.host}, 10, 0, 0, int{piece.server}}) {
    ip.push_back(static_cast<std::uint8_t>(byte));
  }
  ip.insert(ip.end(), piece.options.begin(), piece.options.end());
  return ip;
}

inline Bytes ipv6(const Piece& piece) {
  Bytes ip{0x60, 0, 0, 0};
  put16(ip, piece.extensions.size() + 8 + piece.bytes.size());
  ip.push_back(piece.first_extension);
  ip.push_back(64);
  for (const std::uint8_t last : {piece.host, piece.server}) {
    ip.insert(ip.end(), {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
  }
  ip.insert(ip.end(), piece.extensions.begin(), piece.extensions.end());
  ip.insert(ip.end(), {piece.protocol, 0});
  put16(ip, piece.offset | (piece.more ? 1U : 0U));
  put16(ip, piece.id >> 16U);
  put16(ip, piece.id & 0xffffU);
  return ip;
}

// From the Ethernet header on.
inline Bytes frame_of(const Piece& piece) {
  Bytes frame{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  for (const std::uint16_t id : piece.vlans) {
    put16(frame, 0x8100);
    put16(frame, id);
  }
  const bool v4 = piece.version == IpVersion::V4;
  put16(frame, v4 ? 0x0800 : 0x86dd);
  const Bytes ip = v4 ? ipv4(piece) : ipv6(piece);
  frame.insert(frame.end(), ip.begin(), ip.end());
  frame.insert(frame.end(), piece.bytes.begin(), piece.bytes.end());
  frame.insert(frame.end(), piece.padding, 0xee);
  return frame;
}

}  // namespace iris::fragments
