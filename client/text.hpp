// What irisctl's output is made of: tables for people, lines of JSON for programs.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace iris::client {

// One object, and a newline. Bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string line(const nlohmann::ordered_json& json);

using Row = std::vector<std::string>;

// Columns are two spaces apart, those of numbers (under a heading) to the right; nothing follows a row's last word.
// Widths count characters of UTF-8.
[[nodiscard]] std::string table(const std::vector<Row>& rows);

// 2024-02-29T23:59:59.250Z
[[nodiscard]] std::string time_text(const google::protobuf::Timestamp& time);

}  // namespace iris::client
