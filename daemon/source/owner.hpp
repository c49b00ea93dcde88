// Which worker a connection belongs to: what a NIC's receive-side scaling (RSS) computes, computed here, so that
// packets reach the same worker whichever way they come. Ports that cannot spread packets need it, as do fragments,
// which have no ports, and tunnels, whose inner connections no NIC looks at.
//
// RSS is a Toeplitz hash of the five-tuple whose lowest bits select an entry of the redirection table, which names the
// queue. Our key repeats every 16 bits, and so does the hash: it depends on nothing but the sum (XOR) of the tuple's
// 16-bit words. That sum is the same in both directions (Woo and Park, "Scalable TCP Session Monitoring with Symmetric
// Receive-side Scaling", 2012).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "parsers/packet/decode.hpp"

namespace iris::source {

// Devices use its first 40 or 52 bytes.
inline constexpr std::array<std::uint8_t, 52> symmetric_rss_key = [] {
  std::array<std::uint8_t, 52> key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = i % 2 == 0 ? 0x6d : 0x5a;
  return key;
}();

// Immutable. Thread: any.
class Owner {
 public:
  static constexpr std::uint32_t usual_table = 128;

  // `workers` and `table_size` are at least 1. The table has worker i mod n at its entry i.
  explicit Owner(std::uint32_t workers, std::uint32_t table_size = usual_table)
      : workers_(workers), table_size_(table_size) {}

  [[nodiscard]] std::uint32_t workers() const noexcept { return workers_; }
  [[nodiscard]] std::uint32_t table_size() const noexcept { return table_size_; }

  // Of the connection of a TCP or UDP packet; the same for both directions.
  [[nodiscard]] std::uint32_t of(const parsers::packet::Decoded& decoded) const noexcept {
    return of_hash(hash(decoded));
  }
  // Of all fragments between two hosts.
  [[nodiscard]] std::uint32_t of_addresses(const parsers::packet::Decoded& decoded) const noexcept {
    return of_hash(hash_addresses(decoded));
  }
  [[nodiscard]] std::uint32_t of_hash(std::uint32_t hash) const noexcept { return hash % table_size_ % workers_; }

  // As rte_softrss computes it with symmetric_rss_key, over addresses and ports.
  [[nodiscard]] static std::uint32_t hash(const parsers::packet::Decoded& decoded) noexcept {
    return toeplitz(static_cast<std::uint16_t>(sum(decoded) ^ decoded.src_port ^ decoded.dst_port));
  }
  // Over addresses alone.
  [[nodiscard]] static std::uint32_t hash_addresses(const parsers::packet::Decoded& decoded) noexcept {
    return toeplitz(sum(decoded));
  }

 private:
  // For the high and the low byte of a word.
  static constexpr std::array<std::array<std::uint16_t, 256>, 2> tables = [] {
    constexpr std::uint16_t key = 0x6d5a;
    std::array<std::array<std::uint16_t, 256>, 2> made{};
    for (unsigned value = 0; value < 256; ++value) {
      for (int bit = 0; bit < 8; ++bit) {
        if ((value >> (7 - bit) & 1) == 0) continue;
        made[0][value] ^= std::rotl(key, bit);
        made[1][value] ^= std::rotl(key, bit + 8);
      }
    }
    return made;
  }();

  [[nodiscard]] static std::uint32_t toeplitz(std::uint16_t word) noexcept {
    return (tables[0][word >> 8] ^ tables[1][word & 0xff]) * 0x10001U;
  }

  // Of both addresses. What is the same in the two of them (the prefix of IPv4 addresses) falls out.
  [[nodiscard]] static std::uint16_t sum(const parsers::packet::Decoded& decoded) noexcept {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), decoded.src_ip.data(), 16);
    std::memcpy(words.data() + 2, decoded.dst_ip.data(), 16);
    std::uint64_t folded = words[0] ^ words[1] ^ words[2] ^ words[3];
    folded ^= folded >> 32;
    folded ^= folded >> 16;
    const auto word = static_cast<std::uint16_t>(folded);
    return std::endian::native == std::endian::little ? std::byteswap(word) : word;
  }

  std::uint32_t workers_;
  std::uint32_t table_size_;
};

}  // namespace iris::source
