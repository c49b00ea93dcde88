// The layout of an emitted struct, as the front end read it from the AST: what the output needs to copy a row out of
// user memory and to print it. Pure data; owns its strings.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace iris::abi {

enum class ValueKind : std::uint8_t {
  boolean,
  unsigned_integer,  // of `size` bytes
  signed_integer,    // of `size` bytes
  floating,          // of `size` bytes: 4 or 8
  enumeration,       // of `size` bytes; printed by name
  character,         // one char: text of one character
  text_view,         // std::string_view
  text,              // std::string
  ip_address,        // iris::IpAddress
  subnet,            // iris::Subnet
  timestamp,         // iris::Timestamp
  duration,          // iris::Duration; printed in seconds
  structure,         // `members`; iris::Endpoint and iris::FiveTuple are ordinary ones
  optional,          // std::optional of `element()`: the value at offset 0, its flag at `flag_offset`
  array,             // T[N], std::array: `count` elements of `element()` inline
  span,              // std::span of dynamic extent: pointer, count
  vector,            // std::vector: begin, end, capacity. Never of bool
};

// A type, or a member of one. For lists whose element is a one-byte unsigned integer the value is a byte string.
struct Value {
  std::string name;  // the member's; empty for elements and rows
  ValueKind kind = ValueKind::unsigned_integer;
  std::uint32_t offset = 0;  // within the enclosing struct
  std::uint32_t size = 0;    // sizeof the type; of an element it is the stride
  std::uint32_t count = 0;   // array
  std::uint32_t flag_offset = 0;
  std::vector<Value> members;                         // structure: in order; optional and lists: exactly the element
  std::map<std::int64_t, std::string> enumerators{};  // enumeration

  [[nodiscard]] const Value& element() const { return members.front(); }
  bool operator==(const Value&) const = default;
};

struct Row {
  std::string name;  // of the struct, without namespaces
  Value layout;      // kind structure
  bool operator==(const Row&) const = default;
};

}  // namespace iris::abi
