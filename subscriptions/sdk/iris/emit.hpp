// Results leave a subscription by iris::emit.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace iris {

namespace detail {
// The front end numbers the row types of a source and stores the number here before it generates code.
template <class Row>
struct RowIndex {
  static inline std::uint32_t value = 0xffffffffU;
};
// Implemented by the host (jit/abi/host_api.hpp). Copies what `row` holds before it returns.
extern "C" void iris_emit(std::uint32_t row_index, const void* row) noexcept;
}  // namespace detail

// Emits one event: a struct of the author's, its members' names and types read from its definition. Members may be
// numbers, bool, enumerations, text (std::string, std::string_view), bytes (std::span or std::vector of uint8_t),
// addresses and five-tuples, Timestamp, Duration, std::optional, arrays, spans and vectors of these, and structs of
// these. Copies everything it is given; never blocks: where the output falls behind, the event is dropped and counted.
template <class Row>
void emit(const Row& row) {
  static_assert(std::is_class_v<Row>, "iris::emit takes a struct: its members become the event's data");
  detail::iris_emit(detail::RowIndex<Row>::value, &row);
}

// For a row's member: nothing where a session's text is absent, so that it is emitted as null.
[[nodiscard]] constexpr std::optional<std::string_view> if_present(std::string_view text) {
  if (text.data() == nullptr) return std::nullopt;
  return text;
}

}  // namespace iris
