// MQTT over a connection's two directions: control packets to exchanges. Requests wait for their acknowledgement, found
// by kind and packet id; reports come in the order in which exchanges are decided. A gap inside a message that is
// passed over is bridged; any other ends its direction.
#pragma once

#include <array>
#include <cstdint>

#include <iris/protocols/mqtt.hpp>

#include "parsers/api.hpp"
#include "parsers/mqtt/packet.hpp"
#include "parsers/recycler.hpp"
#include "parsers/session_memory.hpp"

namespace iris::parsers::mqtt {

class MqttParser final : public Parser {
 public:
  static constexpr std::uint32_t max_waiting = 64;
  // Of a packet this much is looked at; the rest is passed over.
  static constexpr std::uint32_t longest_kept = 4096;

  // All memory is `arena`'s, which must outlive the parser.
  explicit MqttParser(Arena& arena) noexcept : recycler_(arena) {}

  [[nodiscard]] Status parse(const Segment& segment) noexcept override;
  [[nodiscard]] Status next() noexcept override;
  [[nodiscard]] Status finish() noexcept override;
  // A MqttExchange.
  [[nodiscard]] const void* session() const noexcept override { return current_; }
  void release(const void* session) noexcept override;

 private:
  struct Exchange {
    explicit Exchange(Recycler& recycler) noexcept : memory(recycler) {}

    MqttExchange session;  // first: what is released is its address
    SessionMemory memory;
    Timestamp ts;
    Direction direction = Direction::FromOriginator;
    Exchange* next = nullptr;
  };
  // Oldest first.
  struct Queue {
    Exchange* first = nullptr;
    std::uint32_t size = 0;

    void push(Exchange* exchange) noexcept;
    Exchange* take(Exchange** link) noexcept;
  };
  // One direction: the packet that is being put together.
  struct Stream {
    FixedHeaderReader header;
    bool in_body = false;
    bool lost = false;
    std::uint32_t needed = 0;   // of its body
    std::uint32_t skipped = 0;  // still to come behind what is needed
    std::uint32_t size = 0;
    std::uint8_t* bytes = nullptr;
  };

  [[nodiscard]] Status go_on() noexcept;
  void bridge(Stream& stream, std::uint32_t gap) noexcept;
  void read_packet() noexcept;
  void begin_body(Stream& stream) noexcept;
  void take_packet(const FixedHeader& header, Bytes body) noexcept;
  void take_request(const FixedHeader& header, Bytes body) noexcept;
  void acknowledge(const Acknowledgement& acknowledgement) noexcept;
  void destroy(Exchange* exchange) noexcept;

  Recycler recycler_;
  std::uint8_t version_ = 4;
  bool over_ = false;
  bool ended_ = true;  // the end of `current_` was reported
  Segment segment_;    // its bytes: what is left of it
  std::array<Stream, 2> streams_;
  Queue waiting_;
  Queue decided_;
  Exchange* current_ = nullptr;
};

// nullptr when the arena is exhausted.
[[nodiscard]] Parser* create(Arena& arena, const FiveTuple& tuple) noexcept;

}  // namespace iris::parsers::mqtt
