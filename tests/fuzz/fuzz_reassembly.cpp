// One direction of a stream, segments anywhere. Input: a byte of limits, the first sequence number, then operations of
// eight bytes: what, flags, position (32 bits, most of it near what is expected), length, cut. A byte of the stream is
// a function of its sequence number, unless the operation lies.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "daemon/conn/reassembly.hpp"
#include "tests/fuzz/check.hpp"

namespace {

using namespace iris;
using namespace iris::conn;

// A packet's bytes live exactly as long as somebody has a reference.
class Packets final : public source::PacketHolder {
 public:
  source::PacketRef make(std::uint32_t length) {
    auto* const packet = new Packet{std::make_unique<std::uint8_t[]>(length), 1};
    ++alive_;
    return {.data = packet->bytes.get(), .length = length, .wire_length = length, .ts = {}, .handle = packet};
  }
  void hold(const source::PacketRef& packet) noexcept override { ++of(packet)->references; }
  void release(std::span<const source::PacketRef> packets) noexcept override {
    for (const source::PacketRef& packet : packets) {
      IRIS_FUZZ_CHECK(of(packet)->references > 0);
      if (--of(packet)->references > 0) continue;
      delete of(packet);
      --alive_;
    }
  }
  [[nodiscard]] std::size_t alive() const { return alive_; }

 private:
  struct Packet {
    std::unique_ptr<std::uint8_t[]> bytes;
    int references;
  };
  static Packet* of(const source::PacketRef& packet) { return static_cast<Packet*>(packet.handle); }

  std::size_t alive_ = 0;
};

std::uint8_t byte_at(std::uint32_t sequence) { return static_cast<std::uint8_t>(sequence * 2654435761U >> 24U); }

struct Operation {
  std::uint8_t what;
  std::uint8_t flags;
  std::uint32_t position;
  std::uint8_t length;
  std::uint8_t cut;
};

// Some connection's stream, and what must be true of it.
class Stream {
  auto visitor() {
    return [this](const L4Pdu& piece) {
      IRIS_FUZZ_CHECK(piece.gap > 0 || !piece.payload.empty());
      IRIS_FUZZ_CHECK(piece.inconsistent <= piece.payload.size());
      IRIS_FUZZ_CHECK(piece.direction == Direction::FromResponder);
      if (at_) IRIS_FUZZ_CHECK(piece.sequence == *at_ + piece.gap);
      at_ = piece.sequence;
      for (const std::uint8_t byte : piece.payload) {
        IRIS_FUZZ_CHECK(lied_ || byte == byte_at(*at_));
        ++*at_;
      }
      return wanted_ == 0 || --wanted_ > 0;
    };
  }

 public:
  Stream(std::uint8_t settings, std::uint32_t first)
      : pool_({.packets = 1U + settings % 8U * 5U,
               .bytes = (settings & 0x08U) != 0 ? 300U : 1U << 20U,
               .gap_after = {(settings & 0x10U) != 0 ? 10 : 1000},
               .held_packets = (settings & 0x20U) != 0 ? 2U : 100U,
               .copied_bytes = (settings & 0x40U) != 0 ? 2U * HoldPool::chunk_bytes : 32U * HoldPool::chunk_bytes,
               .overlap = (settings & 0x80U) != 0 ? Overlap::last : Overlap::first},
              packets_),
        first_(first) {}

  void apply(const Operation& operation) {
    at_.reset();
    switch (operation.what & 0x0fU) {
      case 0:
        direction_.flush(context(), {now_}, visitor());
        break;
      case 1:
        now_ += operation.position % 2048;
        break;
      case 2:
        direction_.expire(context(), {now_}, visitor());
        break;
      case 3:
        pool_.set_pressure(static_cast<source::Pressure>(operation.position % 3));
        break;
      case 4:
        direction_.release(context());
        break;
      case 5:
        wanted_ = operation.position % 4;
        break;
      default:
        push(operation);
        break;
    }
    check();
  }
  void end() {
    direction_.flush(context(), {now_}, visitor());
    IRIS_FUZZ_CHECK(!direction_.waiting());
    IRIS_FUZZ_CHECK(!direction_.deadline(pool_));
    direction_.release(context());
    check();
    IRIS_FUZZ_CHECK(use_.packets == 0 && use_.bytes == 0 && packets_.alive() == 0);
    IRIS_FUZZ_CHECK(pool_.counters().held_packets == 0 && pool_.counters().copied_bytes == 0);
    if (!lied_) IRIS_FUZZ_CHECK(direction_.inconsistent_bytes() == 0);
  }

 private:
  [[nodiscard]] HoldContext context() { return {pool_, use_}; }
  void push(const Operation& operation) {
    const bool lies = (operation.what & 0x10U) != 0;
    const bool far = (operation.what & 0x20U) != 0;
    const std::uint32_t length = operation.length * ((operation.what & 0x40U) != 0 ? 40U : 1U);
    const source::PacketRef packet = packets_.make(length);
    const std::uint32_t from = direction_.started() ? direction_.next_sequence() : first_;
    L4Pdu pdu;
    pdu.payload = packet.bytes();
    pdu.ts = {now_++};
    pdu.sequence = far ? operation.position : from + operation.position % 1024 - 256;
    pdu.flags = operation.flags & (tcp_flag::syn | tcp_flag::fin | tcp_flag::rst | tcp_flag::urg | tcp_flag::ack);
    pdu.direction = Direction::FromResponder;
    const std::uint32_t begin = pdu.sequence + ((pdu.flags & tcp_flag::syn) != 0 ? 1U : 0U);
    for (std::uint32_t i = 0; i < length; ++i) {
      const_cast<std::uint8_t*>(packet.data)[i] = static_cast<std::uint8_t>(byte_at(begin + i) ^ (lies ? i & 3U : 0U));
    }
    lied_ = lied_ || lies;
    direction_.push(context(), {.pdu = pdu, .cut = operation.cut, .packet = packet}, visitor());
    packets_.release({&packet, 1});
  }
  void check() {
    if (at_ && direction_.started()) {
      IRIS_FUZZ_CHECK(direction_.next_sequence() == *at_ + (direction_.finished() ? 1 : 0));
    }
    IRIS_FUZZ_CHECK(use_.packets <= pool_.limits().packets && use_.bytes <= pool_.limits().bytes);
    IRIS_FUZZ_CHECK(pool_.counters().copied_bytes <= pool_.limits().copied_bytes);
    IRIS_FUZZ_CHECK(packets_.alive() <= pool_.limits().held_packets);
    IRIS_FUZZ_CHECK(packets_.alive() <= pool_.counters().held_packets);
    IRIS_FUZZ_CHECK(direction_.waiting() || packets_.alive() == 0);
    IRIS_FUZZ_CHECK(direction_.waiting() == direction_.deadline(pool_).has_value());
  }

  Packets packets_;
  HoldPool pool_;
  HoldUse use_;
  Reassembler direction_;
  const std::uint32_t first_;
  std::uint64_t now_ = 1000;
  std::uint32_t wanted_ = 0;         // pieces until the visitor has enough; 0: never
  std::optional<std::uint32_t> at_;  // where the latest piece of the call ended
  bool lied_ = false;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer names it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto number = [&data](std::size_t at) {
    return std::uint32_t{data[at]} << 24U | std::uint32_t{data[at + 1]} << 16U | std::uint32_t{data[at + 2]} << 8U |
           data[at + 3];
  };
  if (size < 5) return 0;
  Stream stream(data[0], number(1));
  for (std::size_t at = 5; at + 8 <= size; at += 8) {
    stream.apply({data[at], data[at + 1], number(at + 2), data[at + 6], data[at + 7]});
  }
  stream.end();
  return 0;
}
