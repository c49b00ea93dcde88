#include "jit/index/direct.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <variant>

#include "jit/runtime/lookup.hpp"

namespace iris::index {
namespace {

using filter::Operator;
using parsers::Field;
using parsers::FieldType;

template <class T>
T read(const void* subject, std::size_t offset) noexcept {
  T value;
  std::memcpy(&value, static_cast<const char*>(subject) + offset, sizeof value);
  return value;
}

std::uint64_t number(const Field& field, const void* subject, std::size_t offset) noexcept {
  switch (field.width) {
    case 1:
      return read<std::uint8_t>(subject, offset);
    case 2:
      return read<std::uint16_t>(subject, offset);
    case 4:
      return read<std::uint32_t>(subject, offset);
    default:
      return read<std::uint64_t>(subject, offset);
  }
}

bool holds_number(const filter::Predicate& predicate, std::uint64_t value) noexcept {
  return std::ranges::any_of(predicate.operands, [&](const filter::Operand& operand) {
    if (const auto* equal = std::get_if<std::uint64_t>(&operand)) return value == *equal;
    const auto* range = std::get_if<filter::Range>(&operand);
    return range != nullptr && range->first <= value && value <= range->last;
  });
}

bool holds_address(const filter::Predicate& predicate, const IpAddress& value) noexcept {
  const AddressWords asked = words(value);
  return std::ranges::any_of(predicate.operands, [&](const filter::Operand& operand) {
    const AddressBlock block = address_block(operand);
    return value.is_v4() == block.v4 && is_in(asked, block);
  });
}

// The protocol that the field belongs to; nullptr where a field of every subject is asked.
const parsers::Protocol* owner(const Field& field) noexcept {
  for (const parsers::Protocol& protocol : parsers::registry()) {
    for (const Field& each : protocol.fields) {
      if (&each == &field) return &protocol;
    }
  }
  return nullptr;
}

// As generated code asks: a UDP connection has ports, but no tcp.port.
bool is_spoken(const Field& field, const void* subject) noexcept {
  const parsers::Protocol* protocol = owner(field);
  if (protocol == nullptr || protocol->presence == nullptr || protocol->presence == &field) return true;
  const std::uint64_t actual = number(*protocol->presence, subject, protocol->presence->offsets[0]);
  return actual == protocol->presence_value || (protocol->presence_other != 0 && actual == protocol->presence_other);
}

}  // namespace

AddressBlock address_block(const filter::Operand& operand) noexcept {
  const auto* subnet = std::get_if<Subnet>(&operand);
  const IpAddress& address = subnet != nullptr ? subnet->address : std::get<IpAddress>(operand);
  const unsigned mapped = address.is_v4() ? 96 : 0;
  const unsigned length = subnet != nullptr ? subnet->length + mapped : 128U;
  const auto keep = [](unsigned bits) { return bits == 0 ? 0 : bits >= 64 ? ~0ULL : ~0ULL << (64 - bits); };
  const std::uint64_t keep_high = keep(length);
  const std::uint64_t keep_low = keep(length < 64 ? 0 : length - 64);
  const AddressWords value = words(address);
  return {address.is_v4(), keep_high, value.high & keep_high, keep_low, value.low & keep_low};
}

std::optional<bool> decided(const filter::Predicate& predicate, const void* record, bool over) noexcept {
  const Field& field = *predicate.field;
  std::uint64_t value = number(field, record, field.offsets[0]);
  if (field.combination == parsers::Combination::sum) value += number(field, record, field.offsets[1]);
  if (field.combination == parsers::Combination::difference) {
    value -= std::min(value, number(field, record, field.offsets[1]));
  }
  return filter::decided(predicate, value, over);
}

bool is_direct(const filter::Predicate& predicate) noexcept {
  const Field& field = *predicate.field;
  return field.level == parsers::Level::tuple && field.computed.symbol.empty() && !field.of_headers && !field.list &&
         field.type != FieldType::text;
}

bool holds(const filter::Predicate& predicate, const void* subject) noexcept {
  const Field& field = *predicate.field;
  if (!is_spoken(field, subject)) return false;
  if (field.flag_offset != 0 && !read<bool>(subject, field.flag_offset)) return false;
  if (predicate.op == Operator::present) return true;
  for (std::size_t i = 0; i < field.alternatives; ++i) {
    const std::size_t offset = field.offsets[i];
    if (field.type == FieldType::number ? holds_number(predicate, number(field, subject, offset))
                                        : holds_address(predicate, read<IpAddress>(subject, offset))) {
      return true;
    }
  }
  return false;
}

}  // namespace iris::index
