// One direction of a TCP connection put in order (RFC 9293, 3.4 and 3.10.7.4): pieces are yielded as soon as they are
// in sequence, each byte once, without copying. Segments that come early are held, as packets of the source, within
// limits; beyond these, or at the end, what is missing is declared a gap.
//
// Where segments overlap, the byte that arrived first counts. SYN and FIN occupy a sequence number each. A first
// segment that is no SYN is taken as the beginning. Reassembly judges neither the connection's state nor its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include <iris/l4_pdu.hpp>

#include "daemon/conn/record.hpp"
#include "daemon/source/packet.hpp"

namespace iris::conn {

struct TcpSegment {
  L4Pdu pdu;              // `payload` lies in `packet`
  std::uint32_t cut = 0;  // payload bytes on the wire after `payload` that the capture does not have
  const source::PacketRef& packet;
};

struct Piece {
  // Of the packet it arrived in; `payload` and `sequence` are those of the piece. Valid during the visit. `payload` is
  // empty only for a gap that nothing follows yet; if that is flush()'s, no more than `sequence` is known.
  L4Pdu pdu;
  std::uint32_t gap = 0;  // bytes that are missing before `payload`
};

struct HoldLimits {
  std::uint32_t packets = 128;      // of a connection, held at a time
  std::uint32_t bytes = 256 << 10;  // of their payload
};

// What a connection's two directions hold together.
struct HoldUse {
  std::uint32_t packets = 0;
  std::uint32_t bytes = 0;
};

// Room for the held segments of one worker's connections. Used by its thread only; allocates nothing after
// construction.
class HoldPool {
 public:
  // At most `capacity` segments, of all connections. `holder` outlives the pool.
  HoldPool(std::uint32_t capacity, HoldLimits limits, source::PacketHolder& holder);

  // From now on, for all connections. {0, 0} holds nothing: for when the source runs out of packets.
  void set_limits(HoldLimits limits) noexcept { limits_ = limits; }
  [[nodiscard]] std::uint32_t held() const noexcept { return held_; }

 private:
  friend class Reassembler;
  struct Node {
    L4Pdu pdu;
    std::uint32_t cut;
    std::uint32_t next;
    source::PacketRef packet;
  };

  [[nodiscard]] bool has_room(const HoldUse& use, std::uint32_t bytes) const noexcept;
  // has_room() is true. Holds the packet.
  [[nodiscard]] std::uint32_t take(const L4Pdu& pdu, std::uint32_t cut, const source::PacketRef& packet) noexcept;
  void free(std::uint32_t index) noexcept;

  source::PacketHolder& holder_;
  HoldLimits limits_;
  std::vector<Node> nodes_;
  std::uint32_t free_ = no_index;  // chained by Node::next
  std::uint32_t held_ = 0;
};

// What it needs besides its own state. `use` is the connection's.
struct HoldContext {
  HoldPool& pool;
  HoldUse& use;
};

// One direction. Before it is destroyed, and before it is used with another pool, release().
class Reassembler {
 public:
  // Takes a segment. `visit(const Piece&) -> bool` is called for each piece that is ready now. It returns whether more
  // is wanted: after false everything held is released, and the direction is as if new. It calls nothing of the
  // direction. A segment with RST is ignored. One that lies more than 2^30 bytes (the largest window, RFC 7323) from
  // what is expected is taken for stray, but when the next such segment continues it, for the truth.
  template <class Visit>
  void push(HoldContext hold, const TcpSegment& segment, Visit&& visit) noexcept {
    if (is_next(segment)) {
      next_ += static_cast<std::uint32_t>(segment.pdu.payload.size());
      if (!visit(Piece{segment.pdu, 0})) release(hold);
      return;
    }
    push_any(hold, segment, Visitor(visit));
  }

  // Nothing is to be waited for any more: yields what is held, with its gaps, and a last gap where a FIN says that more
  // was sent. What is pushed afterwards is still taken.
  template <class Visit>
  void flush(HoldContext hold, Visit&& visit) noexcept {
    flush_any(hold, Visitor(visit));
  }

  // Gives up everything held, at once. The direction is as if new: the next segment is where it begins.
  void release(HoldContext hold) noexcept;

  // A first segment was seen; next_sequence() means something.
  [[nodiscard]] bool started() const noexcept { return (state_ & begun) != 0; }
  [[nodiscard]] std::uint32_t next_sequence() const noexcept { return next_; }
  // All that was sent up to the FIN was yielded, gaps included.
  [[nodiscard]] bool finished() const noexcept { return (state_ & ended) != 0; }
  [[nodiscard]] bool holding() const noexcept { return first_ != no_index; }

 private:
  enum State : std::uint8_t {
    begun = 1,
    delivered = 2,   // some byte was yielded or skipped, so a SYN can no longer move the beginning
    fin_known = 4,   // fin_ is the FIN's sequence number
    ended = 8,       // next_ is the number after it
    far_known = 16,  // far_ is the end of a segment taken for stray
  };

  // A reference to the caller's callable: keeps the rare paths out of the header.
  class Visitor {
   public:
    template <class Visit>
    explicit Visitor(Visit& visit)
        : visit_(const_cast<void*>(static_cast<const void*>(std::addressof(visit)))),
          call_([](void* object, const Piece& piece) -> bool { return (*static_cast<Visit*>(object))(piece); }) {}
    bool operator()(const Piece& piece) const { return call_(visit_, piece); }

   private:
    void* visit_;
    bool (*call_)(void*, const Piece&);
  };
  struct Range;     // a part of a segment
  struct Delivery;  // one call: whom it yields to, and a gap not yet yielded

  // The usual case: data in sequence, and nothing held that could follow or overlap it.
  [[nodiscard]] bool is_next(const TcpSegment& segment) const noexcept {
    constexpr std::uint8_t special = tcp_flag::syn | tcp_flag::fin | tcp_flag::rst;
    return segment.pdu.sequence == next_ && first_ == no_index && state_ == (begun | delivered) &&
           (segment.pdu.flags & special) == 0 && !segment.pdu.payload.empty() && segment.cut == 0;
  }
  void push_any(HoldContext hold, const TcpSegment& segment, Visitor visitor) noexcept;
  void flush_any(HoldContext hold, Visitor visitor) noexcept;
  [[nodiscard]] bool is_stray(Delivery& delivery, const Range& range) noexcept;
  void note_fin(const Delivery& delivery, std::uint32_t sequence) noexcept;
  void accept(Delivery& delivery, Range range, const source::PacketRef& packet) noexcept;
  [[nodiscard]] bool insert(Delivery& delivery, Range& range, const source::PacketRef& packet) noexcept;
  void drain(Delivery& delivery) noexcept;
  void skip_held(Delivery& delivery) noexcept;
  void skip(Delivery& delivery, std::uint32_t to) noexcept;
  void yield(Delivery& delivery, const Range& range) noexcept;
  void finish(Delivery& delivery, const L4Pdu& latest) noexcept;
  [[nodiscard]] std::uint32_t link_after(Delivery& delivery, std::uint32_t previous, std::uint32_t index) noexcept;
  [[nodiscard]] std::uint32_t unlink_first(HoldContext hold) noexcept;

  std::uint32_t next_ = 0;          // sequence number of the next byte to yield
  std::uint32_t first_ = no_index;  // held segments, ascending, disjoint, all after next_
  std::uint32_t last_ = no_index;
  std::uint32_t fin_ = 0;
  std::uint32_t far_ = 0;
  std::uint8_t state_ = 0;
};
static_assert(sizeof(Reassembler) <= 32);

}  // namespace iris::conn
