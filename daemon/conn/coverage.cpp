#include "daemon/conn/coverage.hpp"

#include <algorithm>

namespace iris::conn {
namespace {

// From `a` to `b`, less than 2^31 in either direction.
constexpr std::int32_t distance(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(b - a); }
constexpr bool before(std::uint32_t a, std::uint32_t b) { return distance(a, b) > 0; }
constexpr std::uint32_t earlier(std::uint32_t a, std::uint32_t b) { return before(b, a) ? b : a; }
constexpr std::uint32_t later(std::uint32_t a, std::uint32_t b) { return before(a, b) ? b : a; }

}  // namespace

std::uint64_t Coverage::gap_bytes() const noexcept {
  std::uint64_t gap = given_up_;
  for (std::size_t i = 1; i < count_; ++i) gap += ranges_[i].begin - ranges_[i - 1].end;
  return gap;
}

// The first SYN, another try, or one that comes after its data.
void Coverage::take_syn(std::uint32_t begin) noexcept {
  if (count_ == 0 || (unique_ == 0 && given_up_ == 0 && count_ == 1)) {
    ranges_[0] = {begin, begin};
    count_ = 1;
    state_ = fixed;
    return;
  }
  if ((state_ & fixed) != 0) return;
  const std::int32_t missing = distance(begin, ranges_[0].begin);
  if (missing < 0 || static_cast<std::uint32_t>(missing) > largest_window) return;
  if (missing > 0) insert({begin, begin});
  state_ |= fixed;
}

// A FIN that contradicts what was seen is none.
void Coverage::take_fin(std::uint32_t number) noexcept {
  if ((state_ & fin_known) != 0) return;
  if (count_ == 0) {
    ranges_[0] = {number, number};
    count_ = 1;
  }
  const std::int32_t further = distance(top(), number);
  if (further < 0 || static_cast<std::uint32_t>(further) > largest_window) return;
  mark_ = number;
  state_ = static_cast<std::uint8_t>((state_ | fin_known) & ~far_known);
}

bool Coverage::is_stray(Range segment, std::optional<std::uint32_t> acknowledged) noexcept {
  const std::uint32_t ahead = segment.begin - top();
  if (ahead <= largest_window || ahead >= 0U - largest_window) return false;
  const bool supported = acknowledged && segment.begin - (*acknowledged - largest_window) <= 2 * largest_window;
  const bool continued = (state_ & (fin_known | far_known)) == far_known && segment.begin == mark_;
  if (supported || continued) {
    jump(segment.begin);
    return false;
  }
  if ((state_ & fin_known) == 0) {
    mark_ = segment.end;
    state_ |= far_known;
  }
  return true;
}

// The direction goes on there. All holes below are closed, and what lies between is a gap.
void Coverage::jump(std::uint32_t to) noexcept {
  given_up_ = gap_bytes() + (to - top());
  ranges_[0] = {to, to};
  count_ = 1;
  state_ = fixed;
}

Coverage::Verdict Coverage::take_any(const TcpHeader& header, std::optional<std::uint32_t> acknowledged) noexcept {
  constexpr std::uint8_t special = tcp_flag::syn | tcp_flag::fin | tcp_flag::rst;
  if ((header.flags & tcp_flag::rst) != 0) return {};
  const bool syn = (header.flags & tcp_flag::syn) != 0;
  const std::uint32_t begin = header.sequence + (syn ? 1U : 0U);
  if (syn) take_syn(begin);
  if (header.payload_length <= 1 && (header.flags & special) == 0 && count_ > 0 && begin + 1 == top()) {
    // One byte may as well be a retransmission: of what is not acknowledged yet.
    if (header.payload_length == 0 || (acknowledged && !before(*acknowledged, top()))) return {.keep_alive = true};
  }
  Verdict verdict;
  if (header.payload_length != 0) {
    if (count_ == 0) {
      ranges_[0] = {begin, begin};
      count_ = 1;
    }
    const Range segment{begin, begin + header.payload_length};
    if (is_stray(segment, acknowledged)) return {.stray = true};
    verdict = add(segment);
  }
  if ((header.flags & tcp_flag::fin) != 0) take_fin(begin + header.payload_length);
  return verdict;
}

Coverage::Verdict Coverage::add(Range segment) noexcept {
  Verdict verdict;
  if ((state_ & fin_known) != 0) segment.end = earlier(segment.end, mark_);
  if (!before(segment.begin, segment.end)) return verdict;
  const std::uint32_t length = segment.end - segment.begin;
  if ((state_ & fixed) != 0) segment.begin = later(segment.begin, ranges_[0].begin);
  if (before(segment.begin, segment.end)) {
    std::uint32_t fresh = segment.end - segment.begin;
    for (const Range& range : ranges()) {
      const std::uint32_t from = later(segment.begin, range.begin);
      const std::uint32_t to = earlier(segment.end, range.end);
      if (before(from, to)) fresh -= to - from;
    }
    verdict.fresh = fresh;
    verdict.out_of_order = fresh > 0 && before(segment.begin, top()) && !before(top(), segment.end);
    unique_ += fresh;
    if (fresh > 0) insert(segment);
  }
  verdict.repeated = length - verdict.fresh;
  return verdict;
}

// Puts the range in its place and joins it with those that it touches.
void Coverage::insert(Range segment) noexcept {
  std::array<Range, most_ranges + 1> next;
  std::size_t count = 0;
  const auto put = [&](Range range) {
    if (count > 0 && !before(next[count - 1].end, range.begin)) {
      next[count - 1].end = later(next[count - 1].end, range.end);
    } else {
      next[count++] = range;
    }
  };
  bool placed = false;
  for (const Range& range : ranges()) {
    if (!placed && before(segment.begin, range.begin)) {
      put(segment);
      placed = true;
    }
    put(range);
  }
  if (!placed) put(segment);
  const bool too_many = count > most_ranges;
  if (too_many) {
    given_up_ += next[1].begin - next[0].end;
    next[1].begin = next[0].begin;
  }
  const auto kept = std::span(next).subspan(too_many ? 1 : 0, count - (too_many ? 1 : 0));
  std::ranges::copy(kept, ranges_.begin());
  count_ = static_cast<std::uint8_t>(kept.size());
  forget_what_is_far();
}

void Coverage::give_up_lowest_hole() noexcept {
  given_up_ += ranges_[1].begin - ranges_[0].end;
  ranges_[1].begin = ranges_[0].begin;
  std::ranges::copy(std::span(ranges_).subspan(1, count_ - 1U), ranges_.begin());
  --count_;
}

// Numbers are compared within half their space, so what is kept must not span more. No window reaches that far back.
void Coverage::forget_what_is_far() noexcept {
  const std::uint32_t lowest = top() - largest_window;
  while (count_ > 1 && before(ranges_[0].begin, lowest)) give_up_lowest_hole();
  if (!before(ranges_[0].begin, lowest)) return;
  ranges_[0].begin = top() - largest_window / 2;  // not to come here again with the next segment
  state_ |= fixed;
}

}  // namespace iris::conn
