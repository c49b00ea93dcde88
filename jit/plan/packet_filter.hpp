// Which TCP packets no live callback can ever want, from their addresses and ports alone: what lets workers leave
// connections out of their tables. It may let too much pass, and never too little.
//
// A callback that asks for ports, or else for addresses, lets those pass, whichever end has them; one that asks for
// neither, all of TCP. Only TCP is filtered: a SYN proves that a connection begins with it, where of UDP a later
// callback could not tell.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "jit/filter/filter.hpp"

namespace iris::plan {

// Immutable once made; until something is let pass, nothing passes.
class PacketFilter {
 public:
  // In host order; addresses as in IpAddress::bytes.
  struct Ends {
    std::uint16_t src_port = 0;
    std::uint16_t dst_port = 0;
    std::span<const std::uint8_t, 16> src_ip;
    std::span<const std::uint8_t, 16> dst_ip;
    IpVersion version = IpVersion::V4;
  };

  [[nodiscard]] bool passes_all() const noexcept { return all_; }
  [[nodiscard]] bool passes(const Ends& ends) const noexcept {
    return all_ || ports_[ends.src_port] || ports_[ends.dst_port] || networks_[network(ends.src_ip, ends.version)] ||
           networks_[network(ends.dst_ip, ends.version)];
  }
  // Lets nothing pass that either does not; less than what both do, where one goes by ports and the other by addresses.
  void intersect(const PacketFilter& other) noexcept;

  // Of IPv4 its first 16 bits, of IPv6 what its first 32 are mapped to.
  [[nodiscard]] static std::uint16_t network(std::span<const std::uint8_t, 16> address, IpVersion version) noexcept {
    if (version == IpVersion::V4) return static_cast<std::uint16_t>(address[12] << 8U | address[13]);
    const std::uint32_t first = std::uint32_t{address[0]} << 24U | std::uint32_t{address[1]} << 16U |
                                std::uint32_t{address[2]} << 8U | address[3];
    return static_cast<std::uint16_t>(first * 0x9e3779b1U >> 16U);
  }

 private:
  friend class PacketFilterBuilder;
  static constexpr std::size_t slots = 1U << 16U;

  bool all_ = false;
  std::bitset<slots> ports_;
  std::bitset<slots> networks_;
};

// What a clause of a filter lets pass.
struct Reach {
  enum class Kind : std::uint8_t { nothing, ports, networks, all };

  Kind kind = Kind::all;
  std::vector<std::uint16_t> slots;  // distinct
};
[[nodiscard]] Reach reach_of(const filter::Clause& clause);

// Follows clauses that come and go. Thread: one at a time.
class PacketFilterBuilder {
 public:
  PacketFilterBuilder();
  void add(const Reach& reach);
  void remove(const Reach& reach);  // as it was added
  // The same as before, if nothing has changed.
  [[nodiscard]] std::shared_ptr<const PacketFilter> snapshot();

 private:
  using Slots = std::bitset<PacketFilter::slots>;
  struct Counted {
    std::vector<std::uint32_t> users;  // by slot
    Slots PacketFilter::* bits;
  };

  void count(Counted& counted, const Reach& reach, bool more);

  PacketFilter filter_;
  std::size_t all_ = 0;  // clauses
  Counted ports_;
  Counted networks_;
  std::shared_ptr<const PacketFilter> latest_;  // nullptr: something has changed
};

}  // namespace iris::plan
