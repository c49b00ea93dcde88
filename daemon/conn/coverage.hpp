// How much of one direction of a TCP connection was seen: each sequence number once, and what is missing in between,
// without keeping payload. Sequence numbers are compared within half their space (RFC 9293, 3.4); totals have 64 bits,
// so a direction may wrap any number of times.
//
// What was seen is kept as up to five ranges, ascending and apart: the contiguous front, and what came above holes.
// When more are needed the lowest hole is given up: it is a gap for good, and bytes that come for it yet count as
// repeated.
//
// A direction begins after its SYN, or without one with the first byte seen; then what comes from before counts too.
// Nothing is counted beyond a FIN, which ends what its sender says (RFC 9293, 3.10.4), nor of RSTs, whose text is a
// remark (RFC 9293, 3.5.3). SYN and FIN are not bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "daemon/conn/tcp_state.hpp"

namespace iris::conn {

class Coverage {
 public:
  // What is to be said of a segment. All zero of one without payload that is no keep-alive.
  struct Verdict {
    std::uint32_t fresh = 0;     // payload bytes not seen before
    std::uint32_t repeated = 0;  // seen before
    bool out_of_order = false;   // came after bytes with higher numbers, with fresh ones
    bool keep_alive = false;  // RFC 9293, 3.8.4: the number before the next, and at most one byte, which is not counted
    bool stray = false;       // more than 2^30 (the largest window, RFC 7323, 2.3) from everything else: not counted

    bool operator==(const Verdict&) const = default;
  };

  // Takes the next segment of the direction. `acknowledged`: the highest acknowledgement that the other end sent, if it
  // is known. What is far from everything else is believed if that is near, or if the next such segment continues it.
  Verdict take(const TcpHeader& header, std::optional<std::uint32_t> acknowledged) noexcept {
    if (is_next(header)) {
      ranges_[0].end += header.payload_length;
      unique_ += header.payload_length;
      return {.fresh = header.payload_length};
    }
    return take_any(header, acknowledged);
  }

  [[nodiscard]] std::uint64_t unique_bytes() const noexcept { return unique_; }
  // Bytes missing below the highest that was seen.
  [[nodiscard]] std::uint64_t gap_bytes() const noexcept;
  // Whether `acknowledged`, sent by the other end, covers bytes not seen: they were sent, and the tap missed them.
  [[nodiscard]] bool lacks(std::uint32_t acknowledged) const noexcept {
    if (count_ == 0 || static_cast<std::int32_t>(acknowledged - ranges_[0].end) <= 0) return false;
    return (state_ & fin_known) == 0 || ranges_[0].end != mark_;
  }

 private:
  // In sequence numbers; `end` is the one after.
  struct Range {
    std::uint32_t begin;
    std::uint32_t end;
  };
  static constexpr std::size_t most_ranges = 5;
  static constexpr std::uint32_t largest_window = 1U << 30U;
  enum State : std::uint8_t {
    fixed = 1,      // the beginning is known, or so far back that nothing can come from before it
    fin_known = 2,  // mark_ is the FIN's number
    far_known = 4,  // else: mark_ is the end of a stray segment
  };

  // The usual case: data in sequence, and nothing beyond a hole.
  [[nodiscard]] bool is_next(const TcpHeader& header) const noexcept {
    constexpr std::uint8_t special = tcp_flag::syn | tcp_flag::fin | tcp_flag::rst;
    return header.sequence == ranges_[0].end && count_ == 1 && (state_ & fin_known) == 0 &&
           (header.flags & special) == 0 && header.payload_length != 0 &&
           ranges_[0].end - ranges_[0].begin < largest_window;
  }
  Verdict take_any(const TcpHeader& header, std::optional<std::uint32_t> acknowledged) noexcept;
  void take_syn(std::uint32_t begin) noexcept;
  void take_fin(std::uint32_t number) noexcept;
  [[nodiscard]] bool is_stray(Range segment, std::optional<std::uint32_t> acknowledged) noexcept;
  [[nodiscard]] Verdict add(Range segment) noexcept;
  void insert(Range segment) noexcept;
  void jump(std::uint32_t to) noexcept;
  void give_up_lowest_hole() noexcept;
  void forget_what_is_far() noexcept;
  [[nodiscard]] std::span<const Range> ranges() const noexcept { return std::span(ranges_).first(count_); }
  [[nodiscard]] std::uint32_t top() const noexcept { return ranges_[count_ - 1U].end; }

  std::uint64_t unique_ = 0;
  std::uint64_t given_up_ = 0;               // bytes of holes that are gaps for good
  std::array<Range, most_ranges> ranges_{};  // only the first may be empty
  std::uint32_t mark_ = 0;
  std::uint8_t count_ = 0;  // 0: nothing was seen
  std::uint8_t state_ = 0;
};
static_assert(sizeof(Coverage) == 64);

}  // namespace iris::conn
