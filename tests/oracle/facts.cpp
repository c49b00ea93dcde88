#include "tests/oracle/facts.hpp"

#include <cstring>
#include <span>
#include <stdexcept>

#include <iris/time.hpp>

namespace iris::oracle {
namespace {

using parsers::Combination;
using parsers::Field;
using parsers::FieldType;

template <class T>
const T& at(const void* base, std::size_t offset) {
  return *reinterpret_cast<const T*>(static_cast<const char*>(base) + offset);
}

std::uint64_t number_at(const void* base, std::size_t offset, unsigned width) {
  switch (width) {
    case 1:
      return at<std::uint8_t>(base, offset);
    case 2:
      return at<std::uint16_t>(base, offset);
    case 4:
      return at<std::uint32_t>(base, offset);
    default:
      return at<std::uint64_t>(base, offset);
  }
}

template <class T>
std::vector<Value> numbers_of(const std::span<const T>& list) {
  std::vector<Value> values;
  for (const T number : list) values.emplace_back(std::uint64_t{number});
  return values;
}

std::vector<Value> list_at(const Field& field, const void* base) {
  const std::size_t offset = field.offsets[0];
  if (field.type == FieldType::text) {
    std::vector<Value> values;
    for (const std::string_view text : at<std::span<const std::string_view>>(base, offset))
      values.emplace_back(std::string(text));
    return values;
  }
  switch (field.width) {
    case 1:
      return numbers_of(at<std::span<const std::uint8_t>>(base, offset));
    case 2:
      return numbers_of(at<std::span<const std::uint16_t>>(base, offset));
    case 4:
      return numbers_of(at<std::span<const std::uint32_t>>(base, offset));
    default:
      return numbers_of(at<std::span<const std::uint64_t>>(base, offset));
  }
}

Value number_of(const Field& field, const void* base) {
  const std::uint64_t first = number_at(base, field.offsets[0], field.width);
  switch (field.combination) {
    case Combination::sum:
      return first + number_at(base, field.offsets[1], field.width);
    case Combination::difference: {
      const std::uint64_t earlier = number_at(base, field.offsets[1], field.width);
      return first < earlier ? 0 : first - earlier;
    }
    case Combination::either:
      break;
  }
  return first;
}

Values text_of(const std::string_view& text) {
  if (text.data() == nullptr) return std::nullopt;
  return std::vector<Value>{std::string(text)};
}

}  // namespace

Values read(const Field& field, const void* base) {
  if (field.computed.text != nullptr) return text_of(*field.computed.text(base));
  if (field.computed.number != nullptr) return std::vector<Value>{field.computed.number(base)};
  if (field.list) return list_at(field, base);
  if (field.type == FieldType::text) return text_of(at<std::string_view>(base, field.offsets[0]));
  if (field.flag_offset != 0 && !at<bool>(base, field.flag_offset)) return std::nullopt;
  std::vector<Value> values;
  if (field.type == FieldType::address) {
    for (unsigned i = 0; i < field.alternatives; ++i) values.emplace_back(at<IpAddress>(base, field.offsets[i]));
  } else {
    values.push_back(number_of(field, base));
    if (field.alternatives == 2) values.emplace_back(number_at(base, field.offsets[1], field.width));
  }
  return values;
}

std::uint64_t only_number(const Values& values) {
  if (!values) throw std::logic_error("no number");
  return std::get<std::uint64_t>(values->front());
}

Values read(const Field& field, const Facts& facts) {
  return field.of_headers ? read(field, static_cast<const void*>(&facts.headers))
                          : read(field, static_cast<const void*>(&facts.record));
}

SessionPtr copy_session(std::uint32_t protocol, const void* session) {
  auto copy = std::make_shared<Session>();
  copy->protocol = protocol;
  for (const Field& field : parsers::registry()[protocol].fields) {
    if (field.part == parsers::Part::value) copy->values[&field] = read(field, session);
  }
  return copy;
}

const Values& value_of(const Session& session, std::string_view field) {
  for (const auto& [each, values] : session.values) {
    if (each->name == field) return values;
  }
  throw std::logic_error("no field " + std::string(field));
}

}  // namespace iris::oracle
