// One DNS message into a transaction's facts (RFC 1035, 4; EDNS(0), RFC 6891).
#pragma once

#include <iris/protocols/dns.hpp>

#include "parsers/dns/name.hpp"
#include "parsers/session_memory.hpp"

namespace iris::parsers::dns {

inline constexpr std::size_t header_length = 12;

struct Header {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::uint16_t counts[4] = {};  // questions, answers, authorities, additionals

  [[nodiscard]] bool is_response() const noexcept { return (flags & 0x8000U) != 0; }
  [[nodiscard]] std::uint8_t opcode() const noexcept { return static_cast<std::uint8_t>(flags >> 11U & 15U); }
  [[nodiscard]] std::uint8_t rcode() const noexcept { return flags & 15U; }
};

// `message` has header_length bytes at least.
[[nodiscard]] Header read_header(Message message) noexcept;

enum class MessageStatus : std::uint8_t {
  ok,             // perhaps malformed behind the questions: layout.malformed says so
  not_dns,        // nothing of it can be used
  out_of_memory,  // `memory` is exhausted
};

// Fills `layout` with what the message has: sections, flags, EDNS of its direction. Everything lies in `memory`.
[[nodiscard]] MessageStatus parse_message(Message message, DnsKind kind, SessionMemory& memory,
                                          DnsTransaction::Layout& layout) noexcept;

// How many bytes of `message` its sections take; 0 when a question does not parse, or a record. What a probe looks at.
[[nodiscard]] std::size_t measure(Message message) noexcept;

}  // namespace iris::parsers::dns
