#include "daemon/output/encoder.hpp"

#include <cstdint>
#include <cstring>
#include <iris/net.hpp>
#include <iris/time.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace iris::output {
namespace {

using abi::Value;
using abi::ValueKind;

// libstdc++'s layouts. User code is compiled against the library that the daemon runs with, but the element types are
// known only here, so the objects are read as what they consist of.
struct TextView {
  std::size_t size;
  const std::byte* data;
};
struct Text {
  const std::byte* data;
  std::size_t size;
  std::byte local[16];
};
struct Span {
  const std::byte* data;
  std::size_t count;
};
struct Vector {
  const std::byte* begin;
  const std::byte* end;
  const std::byte* limit;
};
static_assert(sizeof(TextView) == sizeof(std::string_view) && sizeof(Text) == sizeof(std::string));
static_assert(sizeof(Span) == sizeof(std::span<const int>) && sizeof(Vector) == sizeof(std::vector<int>));
static_assert(std::is_trivially_copyable_v<IpAddress> && std::is_trivially_copyable_v<Subnet>);

template <class T>
T read(const std::byte* object) noexcept {
  T value;
  std::memcpy(&value, object, sizeof value);
  return value;
}

class Writer {
 public:
  explicit Writer(std::span<std::byte> out) noexcept : out_(out) {}

  [[nodiscard]] std::size_t written() const noexcept { return used_; }

  bool value(const Value& type, const std::byte* object) noexcept {
    switch (type.kind) {
      case ValueKind::boolean:
        return flag(read<std::uint8_t>(object) != 0);
      case ValueKind::unsigned_integer:
      case ValueKind::signed_integer:
      case ValueKind::floating:
      case ValueKind::enumeration:
      case ValueKind::character:
      case ValueKind::ip_address:
      case ValueKind::subnet:
      case ValueKind::timestamp:
      case ValueKind::duration:
        return bytes(object, type.size);
      case ValueKind::text_view: {
        const auto text = read<TextView>(object);
        return counted(text.data, text.size);
      }
      case ValueKind::text: {
        const auto text = read<Text>(object);
        return counted(text.data, text.size);
      }
      case ValueKind::structure:
        return structure(type, object);
      case ValueKind::optional: {
        const bool present = read<std::uint8_t>(object + type.flag_offset) != 0;
        return flag(present) && (!present || value(type.element(), object));
      }
      case ValueKind::array:
        return type.count == 0 ? flag(false) : elements(type.element(), object, type.count);
      case ValueKind::span: {
        const auto span = read<Span>(object);
        return list(type.element(), span.data, span.count);
      }
      case ValueKind::vector: {
        const auto vector = read<Vector>(object);
        const auto size = reinterpret_cast<std::uintptr_t>(vector.end) - reinterpret_cast<std::uintptr_t>(vector.begin);
        return list(type.element(), vector.begin, size / type.element().size);
      }
    }
    return false;
  }

 private:
  [[nodiscard]] std::size_t room() const noexcept { return out_.size() - used_; }

  bool bytes(const std::byte* data, std::size_t size) noexcept {
    if (size > room()) return false;
    if (size != 0) std::memcpy(out_.data() + used_, data, size);
    used_ += size;
    return true;
  }

  bool flag(bool value) noexcept {
    const auto byte = static_cast<std::byte>(value);
    return bytes(&byte, 1);
  }

  // A length or count. Nothing takes less than a byte, so what exceeds the room cannot fit, however it continues.
  bool count(const std::byte* data, std::size_t count) noexcept {
    if (count > room() || (data == nullptr && count != 0)) return false;
    const auto narrow = static_cast<std::uint32_t>(count);
    return bytes(reinterpret_cast<const std::byte*>(&narrow), sizeof narrow);
  }

  bool counted(const std::byte* data, std::size_t size) noexcept { return count(data, size) && bytes(data, size); }

  bool list(const Value& element, const std::byte* data, std::size_t size) noexcept {
    return count(data, size) && elements(element, data, size);
  }

  bool elements(const Value& element, const std::byte* data, std::size_t count) noexcept {
    if (is_plain(element)) return bytes(data, count * element.size);
    for (std::size_t i = 0; i < count; ++i) {
      if (!value(element, data + i * element.size)) return false;
    }
    return true;
  }

  bool structure(const Value& type, const std::byte* object) noexcept {
    if (type.members.empty()) return flag(false);
    for (const Value& member : type.members) {
      if (!value(member, object + member.offset)) return false;
    }
    return true;
  }

  std::span<std::byte> out_;
  std::size_t used_ = 0;
};

}  // namespace

std::optional<std::size_t> encode(const abi::Value& layout, const void* object, std::span<std::byte> out) noexcept {
  Writer writer(out);
  if (!writer.value(layout, static_cast<const std::byte*>(object))) return std::nullopt;
  return writer.written();
}

}  // namespace iris::output
