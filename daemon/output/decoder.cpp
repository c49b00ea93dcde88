#include "daemon/output/decoder.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "daemon/output/encoder.hpp"
#include "daemon/output/text.hpp"

namespace iris::output {
namespace {

using abi::Value;
using abi::ValueKind;
using nlohmann::ordered_json;

std::string to_hex(std::span<const std::byte> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    text += digits[std::to_integer<unsigned>(byte) >> 4U];
    text += digits[std::to_integer<unsigned>(byte) & 0xfU];
  }
  return text;
}

std::string_view to_view(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// `bytes` has 1, 2, 4 or 8.
std::uint64_t to_unsigned(std::span<const std::byte> bytes) {
  const auto as = [&]<class T>(T value) {
    std::memcpy(&value, bytes.data(), sizeof value);
    return std::uint64_t{value};
  };
  switch (bytes.size()) {
    case 1:
      return as(std::uint8_t{});
    case 2:
      return as(std::uint16_t{});
    case 4:
      return as(std::uint32_t{});
    default:
      return as(std::uint64_t{});
  }
}

std::int64_t to_signed(std::span<const std::byte> bytes) {
  const auto shift = static_cast<unsigned>(64 - 8 * bytes.size());
  return static_cast<std::int64_t>(to_unsigned(bytes) << shift) >> shift;
}

ordered_json to_number(double number) { return std::isfinite(number) ? ordered_json(number) : ordered_json(nullptr); }

// A float's own shortest digits: 0.1f is 0.1, although the nearest double prints as 0.10000000149011612.
ordered_json to_number(float number) {
  if (!std::isfinite(number)) return nullptr;
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  double wide = 0;
  std::from_chars(digits.data(), end, wide);
  return wide;
}

ordered_json to_floating(std::span<const std::byte> bytes) {
  if (bytes.size() == sizeof(float)) {
    float number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return to_number(number);
  }
  double number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return to_number(number);
}

// The layout does not say whether the underlying type is signed, but which values have names.
ordered_json to_enumerator(const Value& type, std::span<const std::byte> bytes) {
  const std::uint64_t raw = to_unsigned(bytes);
  const std::int64_t number = to_signed(bytes);
  for (const std::int64_t key : {static_cast<std::int64_t>(raw), number}) {
    if (const auto it = type.enumerators.find(key); it != type.enumerators.end()) return it->second;
  }
  const bool is_signed = !type.enumerators.empty() && type.enumerators.begin()->first < 0;
  return is_signed ? ordered_json(number) : ordered_json(raw);
}

class Reader {
 public:
  explicit Reader(std::span<const std::byte> in) : in_(in) {}

  [[nodiscard]] bool at_end() const { return !failed_ && in_.empty(); }

  ordered_json value(const Value& type) {
    switch (type.kind) {
      case ValueKind::boolean:
        return flag();
      case ValueKind::ip_address:
        return to_text(fixed<IpAddress>());
      case ValueKind::subnet:
        return to_text(fixed<Subnet>());
      case ValueKind::timestamp:
        return to_text(fixed<Timestamp>());
      case ValueKind::duration:
        return static_cast<double>(fixed<Duration>().nanoseconds) / 1e9;
      case ValueKind::text_view:
      case ValueKind::text:
        return to_view(bytes(fixed<std::uint32_t>()));
      case ValueKind::structure:
        return structure(type);
      case ValueKind::optional:
        return flag() ? value(type.element()) : ordered_json(nullptr);
      case ValueKind::array:
        if (type.count == 0) flag();
        return elements(type, type.count);
      case ValueKind::span:
      case ValueKind::vector:
        return elements(type, fixed<std::uint32_t>());
      default:
        return scalar(type);
    }
  }

 private:
  std::span<const std::byte> bytes(std::size_t size) {
    if (size > in_.size()) failed_ = true;
    if (failed_) return {};
    const auto front = in_.first(size);
    in_ = in_.subspan(size);
    return front;
  }

  template <class T>
  T fixed() {
    T object{};
    if (const auto from = bytes(sizeof object); !failed_) std::memcpy(&object, from.data(), sizeof object);
    return object;
  }

  bool flag() { return fixed<std::uint8_t>() != 0; }

  ordered_json scalar(const Value& type) {
    const auto from = bytes(type.size);
    if (failed_) return nullptr;
    switch (type.kind) {
      case ValueKind::unsigned_integer:
        return to_unsigned(from);
      case ValueKind::signed_integer:
        return to_signed(from);
      case ValueKind::floating:
        return to_floating(from);
      case ValueKind::enumeration:
        return to_enumerator(type, from);
      default:
        return to_view(from);
    }
  }

  ordered_json structure(const Value& type) {
    ordered_json object = ordered_json::object();
    if (type.members.empty()) flag();
    for (const Value& member : type.members) object.emplace(member.name, value(member));
    return object;
  }

  ordered_json elements(const Value& type, std::size_t count) {
    const Value& element = type.element();
    if (element.kind == ValueKind::unsigned_integer && element.size == 1) return to_hex(bytes(count));
    if (element.kind == ValueKind::character) {
      const std::string_view text = to_view(bytes(count));
      return type.kind == ValueKind::array ? text.substr(0, text.find('\0')) : text;
    }
    ordered_json list = ordered_json::array();
    for (std::size_t i = 0; i < count && !failed_; ++i) list.push_back(value(element));
    return list;
  }

  std::span<const std::byte> in_;
  bool failed_ = false;
};

}  // namespace

std::optional<ordered_json> decode(const abi::Value& layout, std::span<const std::byte> bytes) {
  Reader reader(bytes);
  ordered_json json = reader.value(layout);
  if (!reader.at_end()) return std::nullopt;
  return json;
}

void append_line(std::string& out, const ordered_json& json) {
  out += json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace iris::output
