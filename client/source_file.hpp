// What a user names by a file: a subscription's source, or many filters.
#pragma once

#include <iris/v1/control.pb.h>

#include <cstddef>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.hpp"

namespace iris::client {

// What irisd accepts.
inline constexpr std::size_t max_source_bytes = std::size_t{1} << 20;
inline constexpr std::size_t max_filters_bytes = std::size_t{16} << 20;

// The source is called what the user called the file, so that diagnostics lead back to it; files that its filters name
// are read beside it. Pipes can be read too. The error says what is wrong with the file.
[[nodiscard]] std::expected<v1::Source, std::string> read_source(const std::string& path);

// Filters of which each is to be a subscription, one a line: `EXPR`, or `NAME: EXPR`. Otherwise they are called PREFIX
// with the line's number behind it; `prefix` empty: the file's name without folder and extension. What follows a `#` at
// a line's beginning or behind a blank is a comment, but not in quotes. The error says what is wrong with the file.
[[nodiscard]] std::expected<std::vector<v1::NamedFilter>, std::string> read_filters(const std::string& path,
                                                                                    const std::string& prefix);

// Adds the files that filters in `text` name, relative to `folder`: empty is the current one.
void add_files(std::string_view text, const std::filesystem::path& folder, Files& files);

}  // namespace iris::client
