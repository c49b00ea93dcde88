// Layouts written by hand as the front end writes them from the AST.
#pragma once

#include <iris/net.hpp>
#include <iris/time.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jit/abi/row.hpp"

namespace iris::output {

using abi::Value;
using abi::ValueKind;

inline Value value(ValueKind kind, std::size_t size) {
  Value result;
  result.kind = kind;
  result.size = static_cast<std::uint32_t>(size);
  return result;
}

inline Value with_element(ValueKind kind, std::size_t size, Value element) {
  Value result = value(kind, size);
  result.members.push_back(std::move(element));
  return result;
}

inline Value array_of(std::uint32_t count, Value element) {
  Value result = with_element(ValueKind::array, std::size_t{count} * element.size, element);
  result.count = count;
  return result;
}

template <class T>
Value optional_of(Value element) {
  Value result = with_element(ValueKind::optional, sizeof(std::optional<T>), std::move(element));
  result.flag_offset = sizeof(T);  // libstdc++: the value, then the flag
  return result;
}

inline Value span_of(Value element) { return with_element(ValueKind::span, 16, std::move(element)); }
inline Value vector_of(Value element) { return with_element(ValueKind::vector, 24, std::move(element)); }

inline Value member(std::string name, std::size_t offset, Value type) {
  type.name = std::move(name);
  type.offset = static_cast<std::uint32_t>(offset);
  return type;
}

inline Value structure(std::size_t size, std::vector<Value> members) {
  Value result = value(ValueKind::structure, size);
  result.members = std::move(members);
  return result;
}

template <class T>
Value integer() {
  return value(std::is_signed_v<T> ? ValueKind::signed_integer : ValueKind::unsigned_integer, sizeof(T));
}

inline Value address() { return value(ValueKind::ip_address, sizeof(IpAddress)); }

inline Value endpoint() {
  return structure(sizeof(Endpoint), {member("ip", offsetof(Endpoint, ip), address()),
                                      member("port", offsetof(Endpoint, port), integer<std::uint16_t>())});
}

// One member called "x" at the front.
inline Value only(const Value& type) { return structure(type.size, {member("x", 0, type)}); }

}  // namespace iris::output
