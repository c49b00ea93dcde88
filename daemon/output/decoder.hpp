// From an event's flat form (encoder.hpp) to JSON. Runs off the packet path.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>

#include "jit/abi/row.hpp"

namespace iris::output {

// Structures become objects with their members in order; lists become arrays, except that bytes become lower-case hex
// and chars become text (of an array, up to its first NUL); enumerators their names, or numbers where the value has
// none; durations seconds; absent optionals, infinities and NaN null. Text may hold any bytes: what is not UTF-8 is
// replaced when the JSON is printed. nullopt when `bytes` is not exactly one object of type `layout`.
[[nodiscard]] std::optional<nlohmann::ordered_json> decode(const abi::Value& layout, std::span<const std::byte> bytes);

// Appends `json` in one line, without a newline, in valid UTF-8.
void append_line(std::string& out, const nlohmann::ordered_json& json);

}  // namespace iris::output
