#include "daemon/output/layout.hpp"

#include <fmt/format.h>

#include <iris/net.hpp>
#include <iris/time.hpp>
#include <span>
#include <string_view>
#include <vector>

namespace iris::output {
namespace {

using abi::Value;
using abi::ValueKind;

bool one_of(std::uint32_t size, std::initializer_list<std::size_t> sizes) {
  for (const std::size_t allowed : sizes) {
    if (size == allowed) return true;
  }
  return false;
}

bool right_size(const Value& value) {
  switch (value.kind) {
    case ValueKind::boolean:
    case ValueKind::character:
      return value.size == 1;
    case ValueKind::unsigned_integer:
    case ValueKind::signed_integer:
    case ValueKind::enumeration:
      return one_of(value.size, {1, 2, 4, 8});
    case ValueKind::floating:
      return one_of(value.size, {4, 8});
    case ValueKind::text_view:
      return value.size == sizeof(std::string_view);
    case ValueKind::text:
      return value.size == sizeof(std::string);
    case ValueKind::ip_address:
      return value.size == sizeof(IpAddress);
    case ValueKind::subnet:
      return value.size == sizeof(Subnet);
    case ValueKind::timestamp:
      return value.size == sizeof(Timestamp);
    case ValueKind::duration:
      return value.size == sizeof(Duration);
    case ValueKind::span:
      return value.size == sizeof(std::span<const std::byte>);
    case ValueKind::vector:
      return value.size == sizeof(std::vector<std::byte>);
    case ValueKind::structure:
    case ValueKind::optional:
    case ValueKind::array:
      return value.size > 0;
  }
  return false;
}

bool has_element(ValueKind kind) {
  return kind == ValueKind::optional || kind == ValueKind::array || kind == ValueKind::span ||
         kind == ValueKind::vector;
}

// What is wrong with `value` itself; nullptr: nothing.
const char* fault(const Value& value) {
  if (!right_size(value)) return "has a size that its kind cannot have";
  if (has_element(value.kind)) {
    if (value.members.size() != 1) return "does not have exactly one element type";
    const Value& element = value.element();
    if (value.kind == ValueKind::optional && (value.flag_offset >= value.size || element.size > value.size)) {
      return "is an optional that its value or flag lies outside of";
    }
    if (value.kind == ValueKind::array && std::uint64_t{value.count} * element.size > value.size) {
      return "is an array that its elements lie outside of";
    }
    return nullptr;
  }
  for (const Value& member : value.members) {
    if (std::uint64_t{member.offset} + member.size > value.size) return "has a member that lies outside of it";
  }
  return nullptr;
}

Result<void> check(const Value& value, const std::string& path, unsigned depth) {
  if (const char* what = fault(value); what != nullptr) {
    return fail(ErrorCode::invalid, fmt::format("emitted struct: {} (kind {}, {} bytes) {}", path,
                                                static_cast<unsigned>(value.kind), value.size, what));
  }
  if (depth == max_depth) {
    return fail(ErrorCode::invalid,
                fmt::format("emitted struct: {} nests more than {} types: emit a flatter struct", path, max_depth));
  }
  for (const Value& member : value.members) {
    const std::string inner = has_element(value.kind) ? path + "[]" : path + "." + member.name;
    if (auto result = check(member, inner, depth + 1); !result) return result;
  }
  return {};
}

}  // namespace

Result<void> check_layout(const abi::Row& row) {
  if (row.layout.kind != ValueKind::structure) {
    return fail(ErrorCode::invalid, fmt::format("emitted struct: {} is not a struct", row.name));
  }
  return check(row.layout, row.name, 0);
}

}  // namespace iris::output
