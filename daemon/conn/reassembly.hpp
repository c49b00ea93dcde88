// One direction of a TCP connection put in order (RFC 9293, 3.4 and 3.10.7.4): pieces are delivered as soon as they are
// in sequence, each byte once, without copying. Segments that come early are held (hold_pool.hpp); what is missing is
// declared a gap when it was waited for long enough, when there is no room to wait, or at the end.
//
// What counts:
// - Where segments overlap, ReassemblyLimits::overlap says which byte does, as long as there is room to replace what is
//   held; one that the capture has beats one that it cut off, and what was delivered stays. Another content is noticed
//   only for bytes that are held at that time: nothing is kept of delivered ones, so later repetitions of these are
//   never compared.
// - SYN and FIN occupy a sequence number each; data with either counts, so TCP Fast Open (RFC 7413) needs nothing
//   special. Until something was delivered, a SYN moves the beginning. Bytes after the FIN are ignored, and a FIN
//   before bytes that were sent.
// - Without a SYN the first segment is taken as the beginning. If that had no data (the acknowledgement that ends a
//   handshake, say), earlier bytes that come late still count. If it had, it was delivered, and they do not.
// - One byte right before the end of what was sent is a keep-alive (RFC 9293, 3.8.4), not data. A zero-window probe
//   (3.8.6.1) carries the next byte, and is data. Urgent data stays in line (RFC 6093). Data of a RST is none.
// - So is one byte that is the first seen of a direction without a SYN, unless it was pushed: the last byte of what is
//   written is (3.9.1.2). A repetition of it that goes on with more counts from that byte.
//
// Reassembly judges neither the connection's state nor its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

#include <iris/l4_pdu.hpp>

#include "daemon/conn/hold_pool.hpp"

namespace iris::conn {

struct TcpSegment {
  const L4Pdu& pdu;       // `payload` lies in `packet`; `gap` and `inconsistent` are 0
  std::uint32_t cut = 0;  // payload bytes on the wire after `payload` that the capture does not have; below 2^20
  const source::PacketRef& packet;
};

// What it needs besides its own state. `use` is the connection's.
struct HoldContext {
  HoldPool& pool;
  HoldUse& use;
};

// One direction. Before it is destroyed, and before it is used with another pool, release().
//
// Each `visit(const L4Pdu&) -> bool` is called for each piece that is ready, as iris/l4_pdu.hpp says of InL4Stream; the
// piece is valid during the call. It returns whether more is wanted: after false everything held is released, and the
// direction is as if new. It calls nothing of the direction.
class Reassembler {
 public:
  // Takes a segment. One that lies far from all that was seen is stray, and kept aside; when the next such segment
  // continues it, it is the truth: the tap lost much.
  template <class Visit>
  void push(HoldContext hold, const TcpSegment& segment, Visit&& visit) noexcept {
    if (is_next(segment)) {
      next_ += static_cast<std::uint32_t>(segment.pdu.payload.size());
      if (!visit(segment.pdu)) release(hold);
      return;
    }
    push_any(hold, segment, Visitor(visit));
  }

  // When the earliest held segment, or a FIN, will have waited for ReassemblyLimits::gap_after, in capture time;
  // nothing while nothing waits.
  [[nodiscard]] std::optional<Timestamp> deadline(const HoldPool& pool) const noexcept {
    if (!waiting()) return std::nullopt;
    return since_ + pool.limits().gap_after;
  }

  // Declares the gaps that are due at `now`, and delivers what waited for them. A gap that nothing follows has the time
  // at which it was due, however late that is noticed, and no header.
  template <class Visit>
  void expire(HoldContext hold, Timestamp now, Visit&& visit) noexcept {
    if (is_due(hold.pool, now)) expire_any(hold, now, Visitor(visit));
  }

  // Nothing is to be waited for any more: delivers what is held, with its gaps, and a last gap where a FIN says that
  // more was sent; that has the time `now`, and no header. What is pushed afterwards is still taken.
  template <class Visit>
  void flush(HoldContext hold, Timestamp now, Visit&& visit) noexcept {
    if (waiting()) flush_any(hold, now, Visitor(visit));
  }

  // Gives up everything held, at once. The direction is as if new, but for inconsistent_bytes(): the next segment is
  // where it begins.
  void release(HoldContext hold) noexcept;

  // A first segment was seen; next_sequence() means something.
  [[nodiscard]] bool started() const noexcept { return (state_ & begun) != 0; }
  [[nodiscard]] std::uint32_t next_sequence() const noexcept { return next_; }
  // All that was sent up to the FIN was delivered, gaps included.
  [[nodiscard]] bool finished() const noexcept { return (state_ & ended) != 0; }
  // Something waits: a segment, or a FIN.
  [[nodiscard]] bool waiting() const noexcept { return holding() || aside_ != no_index || awaits_fin(); }
  // Bytes that arrived while another content was held for them (see the head of this file).
  [[nodiscard]] std::uint32_t inconsistent_bytes() const noexcept { return inconsistent_; }

 private:
  enum State : std::uint8_t {
    begun = 1,
    delivered = 2,   // some byte was delivered or skipped: the beginning is fixed
    fin_known = 4,   // fin_ is the FIN's sequence number
    ended = 8,       // next_ is the number after it
    far_known = 16,  // far_ is the end of a stray segment
    guessed = 32,    // it began without a SYN
    responder = 64,  // sent by
  };

  // A reference to the caller's callable: keeps the rare paths out of the header.
  class Visitor {
   public:
    template <class Visit>
    explicit Visitor(Visit& visit)
        : visit_(const_cast<void*>(static_cast<const void*>(std::addressof(visit)))),
          call_([](void* object, const L4Pdu& piece) -> bool { return (*static_cast<Visit*>(object))(piece); }) {}
    bool operator()(const L4Pdu& piece) const { return call_(visit_, piece); }

   private:
    void* visit_;
    bool (*call_)(void*, const L4Pdu&);
  };
  struct Range;     // a part of a segment
  struct Delivery;  // one call: whom it delivers to, and a gap not yet delivered
  struct Place {    // a held node, and the one before it or no_index
    std::uint32_t previous;
    std::uint32_t at;
  };

  // The usual case: data in sequence, and nothing held that could follow or overlap it.
  [[nodiscard]] bool is_next(const TcpSegment& segment) const noexcept {
    constexpr std::uint8_t special = tcp_flag::syn | tcp_flag::fin | tcp_flag::rst;
    constexpr std::uint8_t harmless = guessed | responder;
    return segment.pdu.sequence == next_ && first_ == no_index && (state_ & ~harmless) == (begun | delivered) &&
           (segment.pdu.flags & special) == 0 && !segment.pdu.payload.empty() && segment.cut == 0;
  }
  [[nodiscard]] bool is_due(const HoldPool& pool, Timestamp now) const noexcept {
    return waiting() && since_ + pool.limits().gap_after <= now;
  }
  [[nodiscard]] bool holding() const noexcept { return first_ != no_index; }
  // Bytes before the FIN are missing, or held.
  [[nodiscard]] bool awaits_fin() const noexcept {
    return (state_ & (fin_known | ended)) == fin_known && next_ != fin_;
  }

  void push_any(HoldContext hold, const TcpSegment& segment, Visitor visitor) noexcept;
  void expire_any(HoldContext hold, Timestamp now, Visitor visitor) noexcept;
  void flush_any(HoldContext hold, Timestamp now, Visitor visitor) noexcept;

  // Where the stream begins, ends, and goes on.
  void begin(const Delivery& delivery, const Range& range) noexcept;
  [[nodiscard]] bool is_better_beginning(const Delivery& delivery, const Range& range) const noexcept;
  [[nodiscard]] bool knows_fin_near(std::uint32_t sequence) const noexcept;
  void end_at_fin() noexcept;
  [[nodiscard]] bool is_keep_alive(const Delivery& delivery, const Range& range) const noexcept;
  [[nodiscard]] bool is_stray(Delivery& delivery, const Range& range, const source::PacketRef& packet) noexcept;
  void put_aside(Delivery& delivery, const Range& range, const source::PacketRef& packet) noexcept;
  void drop_aside(Delivery& delivery) noexcept;
  void free_aside(HoldContext hold) noexcept;
  void jump(Delivery& delivery, std::uint32_t to) noexcept;
  void note_fin(const Delivery& delivery, std::uint32_t sequence) noexcept;

  // What is delivered.
  void accept(Delivery& delivery, Range range, const source::PacketRef& packet) noexcept;
  void drain(Delivery& delivery) noexcept;
  void skip(Delivery& delivery, std::uint32_t to, GapReason reason) noexcept;
  void skip_to_held(Delivery& delivery, GapReason reason) noexcept;
  void deliver(Delivery& delivery, const Range& range) noexcept;
  void finish(Delivery& delivery, const L4Pdu& latest) noexcept;
  [[nodiscard]] L4Pdu headless(Timestamp now) const noexcept;

  // What is held.
  [[nodiscard]] std::optional<GapReason> insert(Delivery& delivery, Range& range,
                                                const source::PacketRef& packet) noexcept;
  void settle_overlaps(Delivery& delivery, const Range& range, const source::PacketRef& packet) noexcept;
  [[nodiscard]] std::uint32_t settle(Delivery& delivery, Place place, Range& fresh,
                                     const source::PacketRef& packet) noexcept;
  [[nodiscard]] HoldPool::Room room_for(HoldContext hold, const Range& held, const Range& fresh) const noexcept;
  void replace(Delivery& delivery, Place place, std::uint32_t index) noexcept;
  void wait_from(Timestamp ts) noexcept;
  [[nodiscard]] Timestamp earliest(const Delivery& delivery) const noexcept;
  void link_after(HoldContext hold, std::uint32_t previous, std::uint32_t index) noexcept;
  void unlink_after(HoldContext hold, std::uint32_t previous) noexcept;

  // What data in sequence needs comes first.
  std::uint32_t next_ = 0;          // sequence number of the next byte to deliver
  std::uint32_t first_ = no_index;  // held segments, ascending, disjoint, all after next_
  std::uint8_t state_ = 0;
  std::uint32_t last_ = no_index;
  std::uint32_t fin_ = 0;
  std::uint32_t far_ = 0;
  std::uint32_t aside_ = no_index;  // what is held of the segment that ends at far_
  std::uint32_t inconsistent_ = 0;
  Timestamp since_;      // waiting(): arrival of the earliest of what waits
  Timestamp fin_since_;  // awaits_fin(): the FIN's arrival
};
static_assert(sizeof(Reassembler) <= 48);

}  // namespace iris::conn
