// Packets in memory of their own, which is freed as soon as nobody holds them: AddressSanitizer then finds any use that
// comes too late.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "daemon/source/packet.hpp"

namespace iris::conn {

class TestPackets final : public source::PacketHolder {
 public:
  // The caller has one reference.
  source::PacketRef make(std::span<const std::uint8_t> bytes, std::uint64_t nanoseconds = 0) {
    auto packet = std::make_unique<Packet>(Packet{{bytes.begin(), bytes.end()}, 1});
    source::PacketRef ref;
    ref.data = packet->bytes.data();
    ref.length = ref.wire_length = static_cast<std::uint32_t>(bytes.size());
    ref.ts = {nanoseconds};
    ref.handle = packet.get();
    packets_[ref.handle] = std::move(packet);
    return ref;
  }
  void hold(const source::PacketRef& packet) noexcept override {
    const auto found = packets_.find(packet.handle);
    ASSERT_NE(found, packets_.end());
    ++found->second->references;
  }
  void release(std::span<const source::PacketRef> packets) noexcept override {
    for (const source::PacketRef& packet : packets) {
      const auto found = packets_.find(packet.handle);
      ASSERT_NE(found, packets_.end());
      if (--found->second->references == 0) packets_.erase(found);
    }
  }
  [[nodiscard]] std::size_t alive() const { return packets_.size(); }

 private:
  struct Packet {
    std::vector<std::uint8_t> bytes;
    int references;
  };
  std::map<void*, std::unique_ptr<Packet>> packets_;
};

}  // namespace iris::conn
