// A slow, obvious reassembler: remembers each byte of a stream by its position, without limits. And streams for it,
// cut, doubled, overlapped, reordered and lost at random.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "daemon/conn/limits.hpp"
#include "iris/l4_pdu.hpp"

namespace iris::conn {

using Random = std::mt19937_64;

// Part of a stream. Positions count from 0, the first byte after the SYN.
struct Sent {
  std::int64_t at = 0;
  std::vector<std::uint8_t> bytes;
  std::uint32_t cut = 0;
  std::uint8_t flags = tcp_flag::ack;
  std::uint64_t number = 0;  // order of arrival, from 1

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  [[nodiscard]] std::int64_t length() const { return static_cast<std::int64_t>(bytes.size()) + cut; }
  [[nodiscard]] std::int64_t end() const { return at + length(); }
};

// A delivered position: a byte, or `missing`; and the packet that brought it.
struct Got {
  int byte;
  std::uint64_t number;
  bool operator==(const Got&) const = default;
};
constexpr int missing = -1;

// Each byte in order, as soon as all before it are there.
class Model {
 public:
  explicit Model(Overlap overlap) : overlap_(overlap) {}

  std::vector<Got> push(const Sent& sent) {
    if (sent.has(tcp_flag::rst)) return {};
    if (is_keep_alive(sent)) {
      if (!begun_) begin({.at = sent.end(), .bytes = {}});
      return {};
    }
    begin(sent);
    if (sent.has(tcp_flag::fin) && fin_ < 0 && sent.end() >= furthest()) fin_ = sent.end();
    for (std::int64_t at = std::max(sent.at, next_); at < sent.end() && (fin_ < 0 || at < fin_); ++at) {
      const auto i = static_cast<std::size_t>(at - sent.at);
      take(at, i < sent.bytes.size() ? Got{sent.bytes[i], sent.number} : Got{missing, 0});
    }
    std::vector<Got> got;
    deliver(got);
    return got;
  }
  // What is missing is missing for good.
  std::vector<Got> flush() {
    std::vector<Got> got;
    while (!bytes_.empty()) {
      for (; next_ < bytes_.begin()->first; ++next_) got.push_back({missing, 0});
      deliver(got);
    }
    for (; next_ < fin_; ++next_) got.push_back({missing, 0});
    return got;
  }
  [[nodiscard]] std::int64_t next() const { return next_; }
  [[nodiscard]] bool finished() const { return fin_ >= 0 && fin_ == next_; }
  [[nodiscard]] std::uint32_t inconsistent() const { return inconsistent_; }

 private:
  [[nodiscard]] std::int64_t furthest() const { return bytes_.empty() ? next_ : bytes_.rbegin()->first + 1; }
  [[nodiscard]] bool is_keep_alive(const Sent& sent) const {
    if (sent.length() != 1 || sent.has(tcp_flag::syn) || sent.has(tcp_flag::fin)) return false;
    if (!begun_) return !sent.has(tcp_flag::psh);
    return sent.end() == next_ + (finished() ? 1 : 0) || (!bytes_.empty() && sent.end() == furthest());
  }
  void begin(const Sent& sent) {
    const bool syn = sent.has(tcp_flag::syn);
    if (!std::exchange(begun_, true)) {
      next_ = sent.at;
      guessed_ = !syn;
      return;
    }
    if (delivered_) return;
    const bool empty = sent.length() == 0 && !sent.has(tcp_flag::fin);
    if (syn ? !bytes_.empty() && bytes_.begin()->first < sent.at : !guessed_ || empty) return;
    const bool after_keep_alive = sent.at == next_ + 1 && bytes_.empty() && fin_ < 0;
    if (!syn && sent.at >= next_ && !after_keep_alive) return;
    next_ = sent.at;
    guessed_ = !syn;
    if (fin_ < next_) fin_ = -1;
  }
  void take(std::int64_t at, Got got) {
    const auto [found, is_new] = bytes_.try_emplace(at, got);
    Got& held = found->second;
    if (is_new || got.byte == missing || got.byte == held.byte) return;
    if (held.byte != missing) ++inconsistent_;
    if (held.byte == missing || overlap_ == Overlap::last) held = got;
  }
  void deliver(std::vector<Got>& got) {
    while (!bytes_.empty() && bytes_.begin()->first == next_) {
      got.push_back(bytes_.begin()->second);
      bytes_.erase(bytes_.begin());
      ++next_;
      delivered_ = true;
    }
  }

  const Overlap overlap_;
  std::map<std::int64_t, Got> bytes_;  // that arrived and wait
  std::int64_t next_ = 0;
  std::int64_t fin_ = -1;
  std::uint32_t inconsistent_ = 0;
  bool begun_ = false;
  bool guessed_ = false;
  bool delivered_ = false;
};

struct Traffic {
  std::vector<std::uint8_t> stream;
  std::vector<Sent> segments;  // in order of arrival
};

struct Habits {
  bool lies = false;   // retransmissions carry other bytes than the first transmission
  bool cuts = false;   // the capture has the beginnings of some packets only
  bool loses = false;  // some bytes never arrive
};

// One stream's traffic, its parts decided by one generator.
class TrafficMaker {
 public:
  TrafficMaker(Random& random, Habits habits) : random_(random), habits_(habits) {}

  Traffic make() {
    const bool large = one_in(100);  // so that a copy takes several chunks
    traffic_.stream.resize(static_cast<std::size_t>(below(large ? 10'000 : 400)));
    for (auto& byte : traffic_.stream) byte = static_cast<std::uint8_t>(random_());
    most_ = large ? 500 + below(5'000) : 1 + below(60);  // few enough segments for the pool to hold all
    send_once();
    repeat();
    reorder();
    std::uint64_t number = 0;
    for (Sent& sent : traffic_.segments) sent.number = ++number;
    return std::move(traffic_);
  }

 private:
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  bool one_in(unsigned n) { return random_() % n == 0; }
  [[nodiscard]] std::int64_t length() const { return static_cast<std::int64_t>(traffic_.stream.size()); }

  void add(std::int64_t at, std::int64_t count) {
    Sent sent;
    sent.at = at;
    const std::int64_t cut = habits_.cuts && one_in(3) ? below(count + 1) : 0;
    sent.bytes.assign(traffic_.stream.begin() + at, traffic_.stream.begin() + at + count - cut);
    sent.cut = static_cast<std::uint32_t>(cut);
    if (one_in(2)) sent.flags |= tcp_flag::psh;
    if (at == 0 && one_in(4)) sent.flags |= tcp_flag::syn;  // with data
    if (at + count == length() && one_in(2)) sent.flags |= tcp_flag::fin;
    traffic_.segments.push_back(std::move(sent));
  }
  void send_once() {
    if (!one_in(4)) traffic_.segments.push_back({.bytes = {}, .flags = tcp_flag::syn});
    if (one_in(2)) traffic_.segments.push_back({.bytes = {}});  // the acknowledgement that ends the handshake
    for (std::int64_t at = 0; at < length();) {
      const std::int64_t count = std::min(1 + below(most_), length() - at);
      if (!habits_.loses || !one_in(10)) add(at, count);
      at += count;
    }
    if (!one_in(4)) {
      traffic_.segments.push_back({.at = length(), .bytes = {}, .flags = tcp_flag::fin | tcp_flag::ack});
    }
  }
  // Retransmissions that begin and end anywhere, among them keep-alives with a wrong byte; resets with a reason; a FIN
  // in the middle.
  void repeat() {
    for (std::int64_t extra = below(12); extra > 0 && length() > 0; --extra) {
      const std::int64_t at = below(length());
      add(at, std::min(below(2 * most_), length() - at));  // none: a pure acknowledgement
      if (one_in(10)) traffic_.segments.back().flags = tcp_flag::rst;
      if (habits_.lies && one_in(16)) traffic_.segments.back().flags |= tcp_flag::fin;
      if (habits_.lies && one_in(2)) {
        for (auto& byte : traffic_.segments.back().bytes) byte ^= one_in(2) ? 0x5a : 0;
      }
      const auto from = static_cast<std::ptrdiff_t>(traffic_.segments.size() - 1);
      const auto to = static_cast<std::ptrdiff_t>(below(from + 1));
      std::rotate(traffic_.segments.begin() + to, traffic_.segments.begin() + from, traffic_.segments.end());
    }
  }
  void reorder() {
    std::vector<Sent>& segments = traffic_.segments;
    const std::size_t swaps = one_in(3) ? 0 : random_() % 20;
    for (std::size_t i = 0; i < swaps && segments.size() > 1; ++i) {
      const std::size_t a = random_() % segments.size();
      const std::size_t b = std::min(a + random_() % 8, segments.size() - 1);
      std::swap(segments[a], segments[b]);
    }
  }

  Random& random_;
  const Habits habits_;
  Traffic traffic_;
  std::int64_t most_ = 0;  // bytes of a segment
};

}  // namespace iris::conn
