// Which bytes of a datagram have come, in units of 8: what fragments are cut in.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "parsers/packet/fragment.hpp"

namespace iris::worker {

class Coverage {
 public:
  // Whether any byte of [begin, end) has come, or shares its unit with one that has. `begin` is a unit's; an empty
  // range has none. `end` is at most parsers::packet::longest_datagram, here and below.
  [[nodiscard]] bool touches(std::size_t begin, std::size_t end) const noexcept {
    bool any = false;
    for_words(begin, end, [&](std::size_t word, std::uint64_t mask) { any |= (words_[word] & mask) != 0; });
    return any;
  }
  void cover(std::size_t begin, std::size_t end) noexcept {
    for_words(begin, end, [&](std::size_t word, std::uint64_t mask) { words_[word] |= mask; });
  }
  void clear() noexcept { words_.fill(0); }

 private:
  static constexpr std::size_t bits = 64;
  static constexpr std::size_t unit = parsers::packet::fragment_unit;

  template <class Visit>
  static void for_words(std::size_t begin, std::size_t end, Visit visit) noexcept {
    std::size_t at = begin / unit;
    const std::size_t last = (end + unit - 1) / unit;
    while (at < last) {
      const std::size_t count = std::min(bits - at % bits, last - at);
      visit(at / bits, (~std::uint64_t{0} >> (bits - count)) << (at % bits));
      at += count;
    }
  }

  std::array<std::uint64_t, (parsers::packet::longest_datagram + 1) / unit / bits> words_{};
};

}  // namespace iris::worker
