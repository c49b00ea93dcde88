// The two things that reassembly.cpp and hold.cpp pass around: a part of a segment, and the call it belongs to.
#pragma once

#include <algorithm>

#include "daemon/conn/reassembly.hpp"

namespace iris::conn {

// Whether the sequence number `a` is before `b` (RFC 9293, 3.4).
inline bool precedes(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

// Bytes [begin(), end()): first those that the capture has, then those that it cut off.
struct Reassembler::Range {
  L4Pdu pdu;
  std::uint32_t cut = 0;

  [[nodiscard]] std::uint32_t begin() const { return pdu.sequence; }
  [[nodiscard]] std::uint32_t captured() const { return static_cast<std::uint32_t>(pdu.payload.size()); }
  [[nodiscard]] std::uint32_t length() const { return captured() + cut; }
  [[nodiscard]] std::uint32_t end() const { return begin() + length(); }

  // `bytes` <= length().
  [[nodiscard]] Range prefix(std::uint32_t bytes) const {
    const std::uint32_t kept = std::min(bytes, captured());
    Range range{pdu, bytes - kept};
    range.pdu.payload = pdu.payload.first(kept);
    return range;
  }
  // Likewise.
  [[nodiscard]] Range suffix(std::uint32_t from) const {
    const std::uint32_t dropped = std::min(from, captured());
    Range range{pdu, cut - (from - dropped)};
    range.pdu.payload = pdu.payload.subspan(dropped);
    range.pdu.sequence += from;
    return range;
  }
  // What of it is before `sequence`, which is not before begin(), and what is at or after it.
  [[nodiscard]] Range before(std::uint32_t sequence) const { return prefix(std::min(sequence - begin(), length())); }
  [[nodiscard]] Range from(std::uint32_t sequence) const {
    return precedes(begin(), sequence) ? suffix(std::min(sequence - begin(), length())) : *this;
  }
};

struct Reassembler::Delivery {
  HoldContext hold;
  Visitor visitor;
  Timestamp now;          // of the packet, or of the call
  std::uint32_t gap = 0;  // skipped and not yet delivered
  bool wanted = true;     // what the visitor said
  bool drained = false;   // something held was delivered

  [[nodiscard]] HoldPool::Node& node(std::uint32_t index) const { return hold.pool.nodes_[index]; }
  [[nodiscard]] Range held(std::uint32_t index) const { return {node(index).pdu, node(index).cut}; }
};

}  // namespace iris::conn
