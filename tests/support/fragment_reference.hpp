// What Fragments must do, as plainly as it can be said: byte by byte, with standard containers, and slowly.
#pragma once

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "daemon/worker/fragments.hpp"
#include "tests/support/fragment_packets.hpp"

namespace iris::fragments {

class Reference {
 public:
  explicit Reference(const worker::FragmentLimits& limits) : limits_(limits), allowed_(limits.packets) {}

  // What is captured of the datagram's own bytes when it is whole. `key` is all that identifies it; `piece` is not
  // malformed, and the capture lacks the last `cut` of its bytes.
  std::optional<Bytes> add(std::uint64_t key, const Piece& piece, std::size_t cut, Timestamp now) {
    ++counters_.fragments;
    expire(now);
    if (allowed_ == 0) {
      ++counters_.lost;
      return {};
    }
    auto datagram = std::ranges::find(datagrams_, key, &Datagram::key);
    if (datagram == datagrams_.end()) {
      if (datagrams_.size() == limits_.datagrams) give_up(datagrams_.begin(), counters_.evicted);
      datagram = datagrams_.insert(datagrams_.end(), {.key = key, .began = now});
    }
    if (datagram->given_up) {
      ++counters_.lost;
      return {};
    }
    if (duplicate(*datagram, piece, cut)) {
      ++counters_.duplicates;
      return {};
    }
    if (contradicts(*datagram, piece)) return turn_away(*datagram, counters_.overlapping);
    while (held() >= allowed_) {
      const auto victim = std::ranges::find_if(datagrams_, [&](const Datagram& other) { return other.key != key; });
      if (victim == datagrams_.end()) return turn_away(*datagram, counters_.evicted);
      give_up(victim, counters_.evicted);
    }
    datagram->pieces.push_back({piece, piece.bytes.size() - cut});
    std::optional<Bytes> bytes = whole(*datagram);
    if (bytes) {
      ++counters_.datagrams;
      counters_.used += datagram->pieces.size();
      if (std::ranges::any_of(datagram->pieces,
                              [](const Held& held) { return held.captured < held.piece.bytes.size(); })) {
        ++counters_.cut_off;
      }
      datagrams_.erase(datagram);
    }
    return bytes;
  }

  void expire(Timestamp now) {
    while (!datagrams_.empty() && now - datagrams_.front().began > limits_.timeout) {
      give_up(datagrams_.begin(), counters_.expired);
    }
  }
  void set_pressure(source::Pressure pressure) {
    allowed_ = pressure == source::Pressure::none  ? limits_.packets
               : pressure == source::Pressure::low ? std::max(limits_.packets / 4, 1U)
                                                   : 0;
    while (held() > allowed_) give_up(datagrams_.begin(), counters_.evicted);
  }

  [[nodiscard]] std::size_t held() const {
    std::size_t sum = 0;
    for (const Datagram& datagram : datagrams_) sum += datagram.pieces.size();
    return sum;
  }
  [[nodiscard]] const worker::FragmentCounters& counters() const { return counters_; }

 private:
  struct Held {
    Piece piece;
    std::size_t captured;
  };
  struct Datagram {
    std::uint64_t key = 0;
    Timestamp began{};
    bool given_up = false;
    std::vector<Held> pieces{};
  };

  static bool duplicate(const Datagram& datagram, const Piece& piece, std::size_t cut) {
    return std::ranges::any_of(datagram.pieces, [&](const Held& held) {
      const auto both = static_cast<std::ptrdiff_t>(std::min(held.captured, piece.bytes.size() - cut));
      return held.piece.offset == piece.offset && held.piece.more == piece.more &&
             held.piece.bytes.size() == piece.bytes.size() &&
             std::equal(piece.bytes.begin(), piece.bytes.begin() + both, held.piece.bytes.begin());
    });
  }
  // With the new piece: a byte that two have, two last ones, or bytes behind the end.
  static bool contradicts(const Datagram& datagram, const Piece& piece) {
    std::map<std::size_t, int> times;
    std::vector<std::size_t> ends;
    const auto mark = [&](const Piece& one) {
      for (std::size_t i = 0; i < one.bytes.size(); ++i) ++times[one.offset + i];
      if (!one.more) ends.push_back(one.offset + one.bytes.size());
    };
    for (const Held& held : datagram.pieces) mark(held.piece);
    mark(piece);
    return std::ranges::any_of(times, [](const auto& entry) { return entry.second > 1; }) || ends.size() > 1 ||
           (!ends.empty() && times.rbegin()->first >= ends.front());
  }
  static std::optional<Bytes> whole(const Datagram& datagram) {
    std::map<std::size_t, std::optional<std::uint8_t>> bytes;
    std::optional<std::size_t> end;
    for (const auto& [piece, captured] : datagram.pieces) {
      for (std::size_t i = 0; i < piece.bytes.size(); ++i) {
        bytes[piece.offset + i] = i < captured ? std::optional(piece.bytes[i]) : std::nullopt;
      }
      if (!piece.more) end = piece.offset + piece.bytes.size();
    }
    if (!end || bytes.size() < *end) return {};
    Bytes result;
    for (const auto& [offset, byte] : bytes) {
      if (!byte) break;
      result.push_back(*byte);
    }
    return result;
  }
  std::optional<Bytes> turn_away(Datagram& datagram, std::uint64_t& reason) {
    ++reason;
    counters_.lost += datagram.pieces.size() + 1;
    datagram.pieces.clear();
    datagram.given_up = true;
    return {};
  }
  void give_up(std::list<Datagram>::iterator datagram, std::uint64_t& reason) {
    if (!datagram->given_up) ++reason;
    counters_.lost += datagram->pieces.size();
    datagrams_.erase(datagram);
  }

  worker::FragmentLimits limits_;
  std::size_t allowed_;
  std::list<Datagram> datagrams_;  // in the order in which they began
  worker::FragmentCounters counters_;
};

}  // namespace iris::fragments
