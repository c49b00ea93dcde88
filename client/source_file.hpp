// A subscription's source, read from a file.
#pragma once

#include <iris/v1/control.pb.h>

#include <cstddef>
#include <expected>
#include <string>

namespace iris::client {

// What irisd accepts.
inline constexpr std::size_t max_source_bytes = std::size_t{1} << 20;

// The source is called what the user called the file, so that diagnostics lead back to it. Pipes can be read too. The
// error says what is wrong with the file.
[[nodiscard]] std::expected<v1::Source, std::string> read_source(const std::string& path);

}  // namespace iris::client
